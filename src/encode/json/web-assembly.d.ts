/** What is used of a global that @types/node leaves to the browser's types. */
declare namespace WebAssembly {
  class Module { constructor (bytes: Uint8Array) }
  class Memory { constructor (size: { initial: number }); readonly buffer: ArrayBuffer }
  class Instance { constructor (module: Module, imports: Record<string, Record<string, Memory | number>>); readonly exports: Record<string, unknown> }
}
