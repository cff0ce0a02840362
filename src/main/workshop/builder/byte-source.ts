/** A file that stays the same while it is read: one open descriptor, positional reads. */
export interface ByteSource {
  /** Plain file name, for messages. */
  readonly name: string
  /** Length in bytes when it was opened. */
  readonly size: number
  /**
   * Fills `target` from `position` on.
   * @throws SwitchboardError model_corrupt when the file ends before `target` is full.
   */
  read(target: Uint8Array, position: number): Promise<void>
}
