// What an output is at a moment of its action. Pure: the same action and time give the same answer.

import type { OutputAction } from "../../contract/actuation.ts";

/** What an output is. */
export interface Phase {
  readonly state: "on" | "off" | "rest";
  /** When, counted from the action's beginning, it may be something else; Infinity for never. */
  readonly untilMs: number;
}

const rest: Phase = { state: "rest", untilMs: Number.POSITIVE_INFINITY };

/** What an output is `elapsedMs` after its action began; after `actionMsMax` it is at rest. */
export function phaseAt(action: OutputAction, elapsedMs: number, actionMsMax: number): Phase {
  const endMs = Math.min(actionLengthMs(action), actionMsMax);
  if (action.type === "rest" || elapsedMs >= endMs) return rest;
  if (action.type === "on" || action.type === "off") return { state: action.type, untilMs: endMs };
  const { onMs, offMs } = action;
  const beginMs = Math.floor(elapsedMs / (onMs + offMs)) * (onMs + offMs);
  const isOn = elapsedMs < beginMs + onMs;
  const changeMs = beginMs + onMs + (isOn ? 0 : offMs);
  return { state: isOn ? "on" : "off", untilMs: Math.min(changeMs, endMs) };
}

/** How long an action lasts by itself; Infinity until the next command. */
export function actionLengthMs(action: OutputAction): number {
  switch (action.type) {
    case "rest":
      return 0;
    case "beeps":
      // The last beep needs no pause after it.
      return action.count * (action.onMs + action.offMs) - action.offMs;
    case "on":
    case "off":
    case "blink":
      return action.durationMs ?? Number.POSITIVE_INFINITY;
  }
}
