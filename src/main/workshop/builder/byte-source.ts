/** A file read by position through one open descriptor, so that it stays the same file. */
export interface ByteSource {
  /** Plain file name, for messages. */
  readonly name: string
  /** Bytes when it was opened. */
  readonly size: number
  /**
   * Fills `target` from `position` on.
   * @throws SwitchboardError model_corrupt when the file ends before `target` is full.
   */
  read(target: Uint8Array, position: number): Promise<void>
}
