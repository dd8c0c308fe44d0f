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
  worker: {
    format: 'es',
    // gpu.js reads the source text of kernels, so nothing may be renamed or folded; what shakes a tree also puts variables that are used
    // once where they are used, and gpu.js 2.24.1 makes shaders of the result that WebGL2 does not compile
    rolldownOptions: { treeshake: false, output: { minify: false } },
  },
  build: {
    minify: false,
    // gpu.js is as large as it is
    chunkSizeWarningLimit: 3000,
  },
});
