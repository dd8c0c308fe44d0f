import { conformance } from './conformance.ts';

conformance('state');
