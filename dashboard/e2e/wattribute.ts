// A run of the real program: on free ports, in a folder of its own, stopped by its process id.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { startProxy } from './proxy';

const BINARY = process.env.WATTRIBUTE_BIN ?? resolve(import.meta.dirname, '../../target/ci/wattribute');
/** Where a dashboard was built after the program: its files are shown instead of those in the program. */
const FILES = process.env.WATTRIBUTE_DIST;
const SERVICES = ['DASHBOARD', 'DATA_API', 'METER', 'CORRELATOR'] as const;
/** The machine may be busy with other things, ms. */
const PATIENCE_MS = 60_000;

/** A place for a home's data, and the ports at which its services are found. */
export interface Place {
  folder: string;
  /** The dashboard, without a slash at the end. */
  url: string;
  env: NodeJS.ProcessEnv;
}

export interface Run {
  pid: number;
  /** Stops it as an init system does; all that it heard is kept. */
  stop: () => Promise<void>;
  /** Ends it as a power cut does. */
  kill: () => Promise<void>;
}

/** An empty folder and four free ports. */
export async function newPlace(more: NodeJS.ProcessEnv = {}): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-e2e-'));
  const ports = await freePorts(SERVICES.length);
  const listen = SERVICES.map((name, index) => [`WATTRIBUTE__${name}__LISTEN`, `127.0.0.1:${ports[index]}`]);
  // Nothing of the home of who runs the tests.
  const kept = Object.entries(process.env).filter(([name]) => !/^(WATTRIBUTE|HOME_ASSISTANT|MQTT|INFLUX)/.test(name));
  const own_url = `http://127.0.0.1:${ports[0]}`;
  const url = FILES ? (await startProxy(own_url, { files: FILES })).url : own_url;
  return { folder, url, env: { ...Object.fromEntries([...kept, ...listen]), ...more } };
}

export function removePlace(place: Place): void {
  rmSync(place.folder, { recursive: true, force: true });
}

/** Starts the program and waits until it answers there. */
export async function start(place: Place, args: string[], port: (typeof SERVICES)[number] = 'DASHBOARD'): Promise<Run> {
  const log = openSync(join(place.folder, 'log'), 'a');
  const child = spawn(BINARY, args, { cwd: place.folder, env: place.env, stdio: ['ignore', log, log] });
  closeSync(log);
  const gone = new Promise<void>((done) => {
    child.once('exit', () => done());
    child.once('error', () => done());
  });
  const health = `http://${place.env[`WATTRIBUTE__${port}__LISTEN`]}/health/live`;
  await until(`${args.join(' ')} answers`, async () => {
    if (hasEnded(child)) throw new Error(`wattribute ${args.join(' ')} ended:\n${readLog(place)}`);
    return (await fetch(health).catch(() => null))?.ok ?? false;
  });
  const end = (signal: NodeJS.Signals) => {
    if (!hasEnded(child)) child.kill(signal);
    return gone;
  };
  return { pid: child.pid ?? 0, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null || !child.pid;

export function readLog(place: Place): string {
  return readFileSync(join(place.folder, 'log'), 'utf8').slice(-4000);
}

/** What a command of the program prints. */
export async function command(place: Place, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(BINARY, args, { cwd: place.folder, env: place.env });
  return stdout;
}

/** A new token, as its owner would make it. */
export async function makeToken(place: Place, name: string, scope: 'read' | 'write'): Promise<string> {
  const said = await command(place, 'token', 'create', '--demo', '--name', name, '--scope', scope);
  const token = /wtt_\S+/.exec(said)?.[0];
  if (!token) throw new Error(`no token in: ${said}`);
  return token;
}

/** Asks until it is so. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end_ms = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > end_ms) throw new Error(`waited in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** What the API answers, as JSON. */
export async function ask<T>(place: Place, path: string): Promise<T> {
  const response = await fetch(`${place.url}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** Waits until a demo has worked off its first thirty days: the house's own history, its steps, and what they teach. */
export async function learned(place: Place): Promise<void> {
  await until('devices are learned', async () => {
    const { devices } = await ask<{ devices: { verdict: string }[] }>(place, '/api/v1/devices');
    const { total_correlations } = await ask<{ total_correlations: number }>(
      place,
      '/api/v1/energy/statistics?hours=24',
    );
    const count = devices.filter((device) => device.verdict === 'learned').length;
    return count >= LEAST_LEARNED && total_correlations >= LEAST_STEPS;
  });
}

/** Kettle, towel heater and most lamps. */
const LEAST_LEARNED = 8;
/** On the quietest day. */
const LEAST_STEPS = 40;

/** Ports that nobody listens at now; all are held until all are known. */
async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      return server;
    }),
  );
  const ports = held.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  });
  await Promise.all(held.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
