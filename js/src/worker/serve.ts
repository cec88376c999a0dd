/** The worker's life: started by the page, then a pump, until it is ended. */

import type { LogLevel, StartOptions, ToWorker } from "../protocol.js";
import { type Preparation, boot, prepare } from "./boot.js";
import { chooseStrategy } from "./capabilities.js";
import { failureOf, lastLine } from "./errors.js";
import type { Host } from "./host.js";
import type { Strategy } from "./listening/listening.js";
import { noListening } from "./listening/none.js";
import { Pump } from "./pump.js";

export type Log = (level: LogLevel, text: string) => void;

export function serve(host: Host): void {
  const log: Log = (level, text) => {
    host.post({ type: "log", record: { level, text } }, []);
  };
  const pump = new Pump(host, (text) => {
    log("warning", text);
  });
  let strategy: Strategy = noListening();
  let preparation: Preparation | undefined;
  host.listen((message) => {
    if (message.type === "live") {
      void live(host, log, message.lifeLock);
    } else if (message.type === "prepare") {
      preparation = prepare(host, log, message.options);
    } else if (message.type === "start") {
      strategy = chooseStrategy(host, message.options.listening);
      void run(host, pump, strategy, log, message.options, preparation);
    } else {
      receive(pump, strategy, message);
    }
  });
}

function receive(
  pump: Pump,
  strategy: Strategy,
  message: Exclude<ToWorker, { type: "live" | "prepare" | "start" }>,
): void {
  switch (message.type) {
    case "interrupt":
      strategy.pressed(message.press);
      break;
    case "message":
      pump.deliver(message.message);
      break;
    case "input_reply":
      pump.deliverInput(message.message);
      break;
    case "drained":
      pump.drained(message.id);
      break;
    case "stop":
      pump.stop();
      break;
  }
}

async function run(
  host: Host,
  pump: Pump,
  strategy: Strategy,
  log: Log,
  options: StartOptions,
  preparation: Preparation | undefined,
): Promise<void> {
  try {
    host.post({ type: "starting", way: strategy.way }, []);
    await boot(host, pump, strategy, log, options, preparation ?? prepare(host, log, options));
    host.post({ type: "ready" }, []);
  } catch (error) {
    host.post({ type: "failed", failure: failureOf(error) }, []);
  }
}

async function live(host: Host, log: Log, lock: string | undefined): Promise<void> {
  host.post({ type: "alive", holdsLock: await holdLock(host, log, lock) }, []);
}

async function holdLock(host: Host, log: Log, lock: string | undefined): Promise<boolean> {
  if (lock === undefined) {
    return false;
  }
  try {
    await host.hold(lock);
    return true;
  } catch (error) {
    log(
      "warning",
      "The page does not notice when this kernel ends by itself: restart it if a cell stays at [*] for no reason. " +
        `(The browser refuses web locks: ${lastLine(error)}.)`,
    );
    return false;
  }
}
