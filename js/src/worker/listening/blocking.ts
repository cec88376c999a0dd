/** Where a waiting stack keeps the worker from its event loop: what it asks, and which interrupts it has heard of. */

import type { Answer, Question } from "../../protocol.js";
import { Signals } from "../signals.js";
import type { BlockingListening, Strategy } from "./listening.js";

/** Asks the page, and blocks until it answers. */
export type Ask = (question: Question) => Answer;

/** Milliseconds after which the page answers at the latest: a service worker must not be kept for long. */
const LONGEST = 10_000;
/** Milliseconds after which a cell that computes shows what it has printed. */
const SHOW = 100;

export class Blocking implements Strategy {
  readonly listening: BlockingListening;
  readonly signals = new Signals((now) => this.#isDue(now));
  readonly #look: (now: number) => number;
  #heard = 0;
  #handled = 0;
  #notBefore = 0;
  #shown = 0;

  /**
   * @param way what it is called
   * @param ask asks the page
   * @param look the number of the latest interrupt, as far as it can be known without waiting long
   * @param told called with the number of the latest interrupt that was taken
   */
  constructor(
    readonly way: BlockingListening["way"],
    ask: Ask,
    look: (now: number) => number,
    told: (press: number) => void,
  ) {
    this.#look = look;
    const asked = (question: Question): Answer => {
      const answer = ask(question);
      this.pressed(answer.press);
      return answer;
    };
    this.listening = {
      way,
      interrupted: () => this.#heard > this.#handled,
      taken: () => {
        this.#handled = this.#heard;
        told(this.#handled);
      },
      rest: (milliseconds) => {
        this.#notBefore = performance.now() + milliseconds;
      },
      attend: this.signals.attend,
      sleep: (milliseconds) => {
        asked({ type: "sleep", milliseconds: Math.min(milliseconds, LONGEST), press: this.#handled });
      },
      input: (id) => {
        for (;;) {
          const { json } = asked({ type: "input", id, milliseconds: LONGEST, press: this.#handled });
          if (json !== undefined) {
            return json;
          }
          if (this.listening.interrupted()) {
            asked({ type: "give up", id });
            return undefined;
          }
        }
      },
    };
  }

  #isDue(now: number): boolean {
    if (now < this.#notBefore) {
      return false;
    }
    this.pressed(this.#look(now));
    const isDue = this.listening.interrupted() || now - this.#shown > SHOW;
    if (isDue) {
      this.#shown = now;
    }
    return isDue;
  }

  pressed(press: number): void {
    this.#heard = Math.max(this.#heard, press);
  }
}
