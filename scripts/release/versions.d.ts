export function findVersions (): Record<string, string | undefined>

export function changesOf (version: string): string
