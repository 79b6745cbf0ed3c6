/** Progress of a stage, in its own unit of work. */
export interface Progress {
  readonly stage: 'acquire' | 'prepare'
  /** The current file or step. */
  readonly item: string
  readonly done: number
  readonly total: number
  /** Bytes per second of a download, smoothed. */
  readonly rate?: number
  /** Seconds until the download ends at that rate. */
  readonly remaining?: number
}

export type ReportProgress = (progress: Progress) => void
