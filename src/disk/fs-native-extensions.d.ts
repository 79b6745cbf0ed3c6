/** The used part of a package without type declarations. */
declare module 'fs-native-extensions' {
  const extensions: {
    /** Locks the whole file for this descriptor until it is closed; false if another descriptor holds the lock. */
    tryLock (fd: number): boolean
  }
  export default extensions
}
