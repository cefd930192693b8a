/** The masks that Python has. */

import { packed } from "./masking";
import type { Outgoing } from "./messages";
import type { State } from "./state";

export interface MaskSync {
  /** Send the bits of the session's mask if Python lacks them; they must go before the session that names the mask. */
  share(state: State): void;
  /** Python has this mask. */
  known(name: string): void;
}

export function createMaskSync(send: (message: Outgoing, buffers: ArrayBufferView[]) => void): MaskSync {
  const shared = new Set<string>();
  return {
    share({ session: { mask: name }, masks }) {
      const mask = name === undefined || shared.has(name) ? undefined : masks[name];
      if (name === undefined || !mask) return;
      shared.add(name);
      send({ t: "mask", name }, [packed(mask)]);
    },
    known: (name) => void shared.add(name),
  };
}
