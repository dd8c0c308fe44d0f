/**
 * A test file that a mutant keeps from being loaded has a test that fails, so that Stryker sees it: it looks at tests alone, and where
 * there are none it would count the mutant as survived.
 */
import { it, TestRunner } from 'vitest';

export default class extends TestRunner {
  override async importFile(path: string, source: 'collect' | 'setup'): Promise<unknown> {
    try {
      return await super.importFile(path, source);
    } catch (error) {
      if (source === 'setup') throw error;
      it('can be loaded', () => {
        throw error;
      });
    }
  }
}
