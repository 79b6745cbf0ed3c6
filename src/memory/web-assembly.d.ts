/** The part of WebAssembly that is used here: @types/node leaves it to the types of browsers. */
declare namespace WebAssembly {
  class Module {
    constructor (bytes: Uint8Array)
  }

  class Memory {
    readonly buffer: ArrayBuffer
    constructor (size: { initial: number, maximum?: number, shared?: boolean })
    /** Returns the pages before. */
    grow (pages: number): number
  }

  class Instance {
    readonly exports: Record<string, unknown>
    constructor (module: Module, imports?: Record<string, Record<string, Memory | number>>)
  }
}
