/** How Python hears from the page while its stack is busy or waits: one contract, a strategy for each way. */

import type { Way } from "../../protocol.js";

/** What Python calls, where stacks can be switched (JSPI): the event loop goes on while one of them waits. */
export interface SwitchingListening {
  readonly way: "stack switching";
  /** Done when all that the page posted and all that was scheduled before has had its turn. */
  turn(): Promise<void>;
  /** No signal for so many milliseconds. */
  rest(milliseconds: number): void;
}

/** What Python calls, where a waiting stack keeps the worker from its event loop, but can ask the page. */
export interface BlockingListening {
  readonly way: "shared memory" | "service worker";
  /** A stop button was pressed, and nothing was interrupted for it yet. */
  interrupted(): boolean;
  /** Something was interrupted. */
  taken(): void;
  /** No signal for so many milliseconds. */
  rest(milliseconds: number): void;
  /** Wait so many milliseconds, or until an interrupt. */
  sleep(milliseconds: number): void;
  /** Wait for the answer to the `input_request` of this id; undefined when interrupted, and the question is given up. */
  input(id: string): string | undefined;
}

/** Python cannot hear. */
export interface NoListening {
  readonly way: "none";
}

export type Listening = SwitchingListening | BlockingListening | NoListening;

/** A listening, with what the worker does for it. */
export interface Strategy {
  readonly way: Way;
  readonly listening: Listening;
  /** Asked often while Python computes: whether to run Python's signal handler now. Absent where that is no use. */
  isDue?(now: number): boolean;
  /** The page tells the number of its latest interrupt, ahead of the `interrupt_request`. */
  pressed(press: number): void;
}
