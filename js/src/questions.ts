/** Questions to the user that wait for their `input_reply`. */

interface Question {
  readonly id: string;
  readonly resolve: (json: string) => void;
}

export class Questions {
  #open: Question[] = [];
  /** Of questions that were given up: an answer that comes late is theirs and nobody else's. */
  readonly #givenUp = new Set<string>();

  /** The reply, as JSON, to the `input_request` of this message id. */
  ask(id: string): Promise<string> {
    return new Promise((resolve) => {
      this.#open.push({ id, resolve });
    });
  }

  giveUp(id: string): void {
    this.#open = this.#open.filter((question) => question.id !== id);
    this.#givenUp.add(id);
  }

  /** Take a reply. A client that does not say which question it answers means the oldest. False if there is none. */
  answer(json: string): boolean {
    const asked = parentId(json);
    const given = asked !== undefined && this.#givenUp.delete(asked);
    const named = this.#open.findIndex(({ id }) => id === asked);
    const [question] = given ? [] : this.#open.splice(Math.max(named, 0), 1);
    question?.resolve(json);
    return question !== undefined;
  }
}

function parentId(json: string): string | undefined {
  try {
    const { parent_header: parent } = JSON.parse(json) as { parent_header?: { msg_id?: string } };
    return parent?.msg_id;
  } catch {
    return undefined; // Python says what is wrong with it
  }
}
