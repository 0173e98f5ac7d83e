// The promise on size: all JavaScript of a build, gzipped, is at most 200 kB.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const MOST_KB = 200;
const folder = new URL('../dist/assets/', import.meta.url);
const sizes = readdirSync(folder)
  .filter((name) => name.endsWith('.js'))
  .map((name) => gzipSync(readFileSync(new URL(name, folder)), { level: 9 }).length);
const kb = sizes.reduce((sum, size) => sum + size, 0) / 1000;
console.log(`JavaScript, gzipped: ${kb.toFixed(1)} kB of at most ${MOST_KB} kB`);
if (kb > MOST_KB) process.exit(1);
