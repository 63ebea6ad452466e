/** Who changes something, and when. */
export interface Author {
  readonly by: string;
  readonly nowMs: number;
}
