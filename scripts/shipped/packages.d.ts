export interface ShippedPackage {
  readonly path: string
  readonly name: string
  readonly version: string
  readonly license?: string
}

export const root: string

export function shippedPackages (): ShippedPackage[]
