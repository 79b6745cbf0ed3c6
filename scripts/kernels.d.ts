export interface KernelSource {
  readonly file: string
  readonly constant: string
}

export const kernels: readonly KernelSource[]

export function compileKernel (source: KernelSource): Promise<string>
