/** How Python hears from the page while its stack is busy or waits: one contract, a strategy for each way. */

import type { Way } from "../../protocol.js";
import type { Signals } from "../signals.js";

/** What Python calls, where a signal handler is of use. */
interface Signalling {
  /** No signal for so many milliseconds. */
  rest(milliseconds: number): void;
  /** A signal soon, however slow Python's steps are. */
  attend(): void;
}

/** What Python calls, where stacks can be switched (JSPI): the event loop goes on while one of them waits. */
export interface SwitchingListening extends Signalling {
  readonly way: "stack switching";
  /** Done when all that the page posted and all that was scheduled before has had its turn. */
  turn(): Promise<void>;
}

/** What Python calls, where a waiting stack keeps the worker from its event loop, but can ask the page. */
export interface BlockingListening extends Signalling {
  readonly way: "shared memory" | "service worker";
  /** A stop button was pressed, and nothing was interrupted for it yet. */
  interrupted(): boolean;
  /** Something was interrupted. */
  taken(): void;
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
  /** Absent where they are of no use. */
  readonly signals?: Signals;
  /** The page tells the number of its latest interrupt, ahead of the `interrupt_request`. */
  pressed(press: number): void;
}
