import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** The data API that `npm run dev` asks; `make run` starts it there. */
const api = process.env.WATTRIBUTE_API ?? 'http://127.0.0.1:8006';
const asked = ['/api', '/health', '/login', '/logout', '/docs', '/openapi.json'];

export default defineConfig({
  // Every address is relative: a proxy may put a path before ours (Home Assistant's ingress does).
  base: './',
  plugins: [react()],
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 700 },
  server: { port: 5173, proxy: Object.fromEntries(asked.map((path) => [path, { target: api }])) },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'], environment: 'node' },
});
