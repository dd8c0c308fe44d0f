import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  // the page works from any folder of any file server
  base: './',
  resolve: {
    alias: [
      { find: /^.*\/load-node\.ts$/, replacement: fileURLToPath(new URL('../gpu/load-browser.ts', import.meta.url)) },
    ],
  },
  worker: { format: 'es' },
  build: {
    // gpu.js reads the source text of kernels, so nothing may be renamed or folded
    minify: false,
    // gpu.js is as large as it is
    chunkSizeWarningLimit: 3000,
  },
});
