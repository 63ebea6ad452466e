// The rounds of a presence: when each ends, in which an antenna proved alive, and which antennas have
// heard nothing for so long that somebody should look.

import { type Output, warning } from "./machine.ts";
import { Antenna, type Zone } from "./presence-antenna.ts";
import type { PresenceConfig } from "./presence-config.ts";
import type { Sighting } from "./presence-sighting.ts";

/** All antennas of a presence, in rounds. */
export class Rounds {
  readonly zones: readonly Zone[];
  readonly deviceIds: readonly string[];
  /** The current one, counted from the start. */
  round = 0;
  readonly #config: PresenceConfig;
  readonly #antennas: readonly Antenna[];
  readonly #byDevice = new Map<string, Map<number, Antenna>>();
  readonly #onlineDevices = new Set<string>();
  #lastEndMs: number | undefined;
  /** Infinity while nothing is alive. */
  #endMs = Number.POSITIVE_INFINITY;
  #frozenNoticeAtMs = Number.POSITIVE_INFINITY;

  constructor(config: PresenceConfig) {
    this.#config = config;
    this.zones = config.zones.map((zone) => this.#watch(zone));
    this.#antennas = this.zones.flatMap(({ antennas }) => antennas);
    this.deviceIds = [...this.#byDevice.keys()];
  }

  /** When the current round ends; Infinity while nothing is alive. */
  get endMs(): number {
    return this.#endMs;
  }

  /** When an antenna's silence is to be reported. */
  get frozenNoticeAtMs(): number {
    return this.#frozenNoticeAtMs;
  }

  /** A read proves its antenna alive; gives the antenna, if it is one of ours. */
  heard(deviceId: string, number: number, atMs: number): Antenna | undefined {
    this.#onlineDevices.add(deviceId);
    const antenna = this.#byDevice.get(deviceId)?.get(number);
    if (antenna === undefined) return undefined;
    antenna.lastReadAtMs = atMs;
    this.#begin(atMs);
    return antenna;
  }

  /** Ends the current round; gives what is to be looked at after it. */
  end(atMs: number, hasTags: boolean): Sighting[] {
    const { roundMs, frozenNoticeMs } = this.#config;
    this.round += 1;
    this.#lastEndMs = atMs;
    const due: Sighting[] = [];
    let isAnyLive = false;
    for (const antenna of this.#antennas) {
      if (this.#isProved(antenna, atMs, hasTags)) {
        isAnyLive = true;
        antenna.frozenNoticeAtMs = Number.POSITIVE_INFINITY;
        for (const sighting of antenna.endLiveRound(atMs)) due.push(sighting);
      } else if (antenna.isLive) {
        antenna.isLive = false;
        if (antenna.tagCount > 0) antenna.frozenNoticeAtMs = atMs + frozenNoticeMs;
      }
    }
    this.#planFrozenNotice();
    this.#endMs = isAnyLive ? atMs + roundMs : Number.POSITIVE_INFINITY;
    return due;
  }

  /** The device is gone: none of its antennas is alive. That is said elsewhere, so not here. */
  goOffline(deviceId: string): void {
    this.#onlineDevices.delete(deviceId);
    for (const antenna of this.#byDevice.get(deviceId)?.values() ?? []) {
      antenna.lastReadAtMs = Number.NEGATIVE_INFINITY;
      antenna.isLive = false;
      antenna.frozenNoticeAtMs = Number.POSITIVE_INFINITY;
    }
    this.#planFrozenNotice();
  }

  /** The device is back; its antennas are still to prove alive, unless its word is proof. */
  goOnline(deviceId: string, atMs: number): void {
    if (this.#onlineDevices.has(deviceId)) return;
    this.#onlineDevices.add(deviceId);
    for (const antenna of this.#byDevice.get(deviceId)?.values() ?? []) {
      if (antenna.tagCount === 0 || antenna.isLive) continue;
      antenna.frozenNoticeAtMs = atMs + this.#config.frozenNoticeMs;
    }
    this.#planFrozenNotice();
    if (this.#config.proofOfLife === "device") this.#begin(atMs);
  }

  /** Reports the antennas whose time has come. */
  noticeFrozen(atMs: number, output: Output): void {
    for (const antenna of this.#antennas) {
      if (antenna.frozenNoticeAtMs > atMs) continue;
      antenna.frozenNoticeAtMs = Number.POSITIVE_INFINITY;
      const detail = { location: antenna.zone.config.location, tagCount: antenna.tagCount };
      output.conclusions.push(warning(antenna.deviceId, "presence_frozen", atMs, detail));
    }
    this.#planFrozenNotice();
  }

  /** Moves all times. */
  shiftTime(byMs: number): void {
    for (const antenna of this.#antennas) antenna.shiftTime(byMs);
    for (const zone of this.zones) {
      if (zone.nextCountAtMs !== undefined) zone.nextCountAtMs += byMs;
    }
    if (this.#lastEndMs !== undefined) this.#lastEndMs += byMs;
    this.#endMs += byMs;
    this.#frozenNoticeAtMs += byMs;
  }

  #watch(config: PresenceConfig["zones"][number]): Zone {
    const antennas: Antenna[] = [];
    const shadeRoundCountMax = config.caps.sharedSilenceMsMax / this.#config.roundMs;
    const zone: Zone = { config, antennas, shadeRoundCountMax, nextCountAtMs: undefined };
    for (const { deviceId, antennas: numbers } of config.antennas) {
      const ofDevice = this.#byDevice.get(deviceId) ?? new Map<number, Antenna>();
      this.#byDevice.set(deviceId, ofDevice);
      for (const number of numbers) {
        const antenna = new Antenna(zone, deviceId, antennas.length);
        antennas.push(antenna);
        ofDevice.set(number, antenna);
      }
    }
    return zone;
  }

  // Rounds in which nothing was alive are rounds all the same.
  #begin(atMs: number): void {
    if (Number.isFinite(this.#endMs)) return;
    const { roundMs } = this.#config;
    this.#lastEndMs ??= Math.floor(atMs / roundMs) * roundMs;
    const passed = Math.max(Math.floor((atMs - this.#lastEndMs) / roundMs), 0);
    this.round += passed;
    this.#lastEndMs += passed * roundMs;
    this.#endMs = this.#lastEndMs + roundMs;
  }

  #isProved({ deviceId, lastReadAtMs }: Antenna, atMs: number, hasTags: boolean): boolean {
    const { aliveWithinMs, proofOfLife } = this.#config;
    if (atMs - lastReadAtMs <= aliveWithinMs) return true;
    return proofOfLife === "device" && hasTags && this.#onlineDevices.has(deviceId);
  }

  #planFrozenNotice(): void {
    this.#frozenNoticeAtMs = Math.min(...this.#antennas.map((one) => one.frozenNoticeAtMs));
  }
}
