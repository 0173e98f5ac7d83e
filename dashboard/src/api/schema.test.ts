import { readFileSync } from 'node:fs';
import openapi, { astToString } from 'openapi-typescript';
import { expect, test } from 'vitest';

const described = new URL('../../../openapi/data-api.json', import.meta.url);
const generated = new URL('./schema.ts', import.meta.url);

/** What the generator's command puts above what its library makes. */
const HEAD = /^\/\*\*[\s\S]*?\*\/\s*/;

test('the types are those of the described API (`npm run schema` writes them anew)', async () => {
  const made = astToString(await openapi(described));
  expect(readFileSync(generated, 'utf8').replace(HEAD, '')).toBe(made);
});
