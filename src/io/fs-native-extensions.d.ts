/** What is used of a package that has no types of its own. */
declare module 'fs-native-extensions' {
  const extensions: {
    /** Locks the whole file for this descriptor; false where another one has it. The lock ends with the descriptor. */
    tryLock (fd: number): boolean
  }
  export default extensions
}
