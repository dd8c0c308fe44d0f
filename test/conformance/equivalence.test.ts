import { conformance } from './conformance.ts';

conformance('equivalence');
