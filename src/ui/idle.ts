/** Ends a server that nobody uses. */
export class Idle {
  /** Resolves when it was unused for so long. */
  readonly over: Promise<void>;
  readonly #milliseconds: number;
  #end: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #held = 0;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.touch();
  }

  touch(): void {
    clearTimeout(this.#timer);
    if (this.#held === 0) this.#timer = setTimeout(this.#end, this.#milliseconds).unref();
  }

  /** In use until the release. */
  hold(): () => void {
    this.#held += 1;
    clearTimeout(this.#timer);
    return () => {
      this.#held -= 1;
      this.touch();
    };
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
