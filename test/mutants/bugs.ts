/** Classes of bugs that kernels of this kind have, each with the mutant that has it. docs/bugs.md is made of this list and of bugs.jsonl. */

export interface Bug {
  title: string;
  mutant: string;
  /** What happens. */
  what: string;
  /** In which kernels, and how it gets there. */
  where: string;
  /** Whether the mutant's answers depend on what it was asked before: its numbers are then not the same again. */
  remembers?: boolean;
}

export interface BugGroup {
  title: string;
  bugs: Bug[];
}

export const bugGroups: readonly BugGroup[] = [
  {
    title: 'Levels',
    bugs: [
      {
        title: 'The level follows from the distance',
        mutant: 'level-by-distance',
        what: 'Query t reads position s at level bitLength(t - s) instead of bitLength(t xor s). Both agree where t - s borrows nothing, and so up to T = 2.',
        where: 'Kernels that take the tree for one over distances, and tests that look at T = 2 alone.',
      },
      {
        title: 'Every level one too high',
        mutant: 'level-off-by-one',
        what: 'The own token is read at level 0, and then the first bucket at level 2.',
        where: 'Where one part counts levels from the own token and another from the first bucket.',
      },
      {
        title: 'The level from a floating-point logarithm',
        mutant: 'level-from-floating-logarithm',
        what: 'log(8192) / log(2) is a little less or more than 13 in float32, and floor makes a whole level of it.',
        where:
          'Kernels without a count-leading-zeros instruction at hand; right for every power of two that was tried by hand.',
      },
      {
        title: 'The level between chunks forgets log2 C',
        mutant: 'level-inside-chunk-only',
        what: 'Between chunks the level counts chunks, and log2 C is not added: far buckets are read with the scales of near ones.',
        where: 'Chunked kernels, whose two halves, inside a chunk and between chunks, are written apart.',
      },
      {
        title: 'Sub-chunks in the wrong order',
        mutant: 'sub-chunks-reversed',
        what: 'Two blocks that share a level are visited in reversed order, and one gets what belongs to the other.',
        where: 'Chunks that are cut into smaller tiles, with index arithmetic of their own.',
      },
      {
        title: 'A level table that ends too early',
        mutant: 'level-table-too-short',
        what: 'Beyond 32 tokens every bucket is read at level 5.',
        where:
          'Kernels with the number of levels as a compile-time constant, or with a table made for the largest length that was tested.',
      },
      {
        title: 'Positions in 16 bits',
        mutant: 'position-in-16-bits',
        what: 'Position 65536 is taken for 0: the state that comes in is read as if it were empty of levels.',
        where:
          'Decoding, where positions grow while every call stays short; the same happens at 2^31 elements to offsets in 32 bits.',
      },
      {
        title: 'The level scale of the key',
        mutant: 'lambda-of-the-key',
        what: 'lambda[s, level] is used where lambda[t, level] is wanted. With scales that are the same for all tokens nothing shows.',
        where: 'Where lambda is loaded with the tile of keys instead of that of queries.',
      },
      {
        title: 'Level scales from the other end',
        mutant: 'lambda-levels-reversed',
        what: 'lambda is stored from the coarsest level to the finest.',
        where: 'Two parts of a model that disagree about an axis whose size does not tell.',
      },
      {
        title: 'The own token without its level scale',
        mutant: 'own-token-without-lambda',
        what: 'At s = t the scale is taken to be 1.',
        where: 'The diagonal of a tile, often treated apart.',
      },
      {
        title: 'The own token left out',
        mutant: 'own-token-missing',
        what: 'The mask is s < t.',
        where: 'Strict triangles that were meant for another matrix: the delta rule has one.',
      },
      {
        title: 'A level that is empty is read',
        mutant: 'reads-empty-level',
        what: 'At an even t level 1 is empty, and the own token is read there as well.',
        where: 'Kernels that read every level and trust that empty ones hold zeros.',
      },
      {
        title: 'Merged levels are not emptied',
        mutant: 'merge-keeps-lower-levels',
        what: 'What went up into a larger bucket is read at its old level too.',
        where: 'Token-by-token kernels: adding up is one line, clearing another.',
      },
    ],
  },
  {
    title: 'Decays',
    bugs: [
      {
        title: "The key's own decay is included",
        mutant: 'decay-of-the-key-included',
        what: 'D[t,s] = exp(g_s + … + g_t): even the own token has decayed once.',
        where: 'Inclusive prefix sums used where exclusive ones are wanted.',
      },
      {
        title: "The query's own decay is left out",
        mutant: 'decay-of-the-query-excluded',
        what: 'D[t,s] = exp(g_{s+1} + … + g_{t-1}).',
        where: 'The same, on the other side; also kernels that read before they decay.',
      },
      {
        title: 'Decay lost across whole chunks',
        mutant: 'decay-missing-between-chunks',
        what: 'A state that passes over a chunk keeps its size. With up to two chunks nothing shows.',
        where: 'Chunked kernels, in the pass over chunk states.',
      },
      {
        title: 'Decay lost at the start of a chunk',
        mutant: 'decay-dropped-at-chunk-start',
        what: 'The first token of a chunk does not decay what comes from the chunk before.',
        where: 'Prefix sums that start anew in each chunk with 0 instead of its first log decay.',
      },
      {
        title: 'Infinity minus Infinity after a reset',
        mutant: 'decay-from-prefix-differences',
        what: 'D is exp(c_t - c_s) from prefix sums: once g holds -Infinity, every later difference is NaN.',
        where:
          'Every kernel with a cumulative sum over more than one sequence; padding with -Infinity is how it gets there.',
      },
      {
        title: 'Prefix sums that cancel',
        mutant: 'decay-from-long-prefix-sums',
        what: 'exp(c_t - c_s) of prefix sums over the whole sequence in float32: behind strong decays little is left of a difference of large numbers.',
        where: 'Kernels with one cumulative sum over T instead of one in each chunk, or of each segment.',
      },
      {
        title: 'The exponential of something positive',
        mutant: 'decay-from-both-sides',
        what: 'The query carries exp(c_t) and the key exp(-c_s); the second overflows, and Infinity times 0 is NaN.',
        where: 'Kernels that want the decay outside of the matrix product, so that one product serves a tile.',
      },
      {
        title: 'The wrong base',
        mutant: 'decay-base-two',
        what: 'exp2 of a natural logarithm: decays are too weak.',
        where: 'GPU kernels, whose fast exponential is exp2; the factor log2(e) is missing on one path.',
      },
      {
        title: 'Decays are clamped',
        mutant: 'decay-clamped',
        what: 'Log decays below -5 are taken for -5: a reset lets 0.7 % through.',
        where: 'Where a clamp keeps an exponential from underflowing.',
      },
      {
        title: 'The decay of another head',
        mutant: 'decay-of-the-first-head',
        what: 'Every head decays as head 0 does.',
        where: 'A stride that is missing from a pointer; tests with one head, or with equal heads, pass.',
      },
      {
        title: 'One decay for all channels',
        mutant: 'decay-of-first-channel',
        what: 'Diagonal decays are read at channel 0 only.',
        where: 'Kernels for diagonal decays made from those for scalar ones.',
      },
      {
        title: 'Merge and decay in the wrong order',
        mutant: 'merge-after-transition',
        what: 'Levels from 1 on decay, and then the newest token is merged in, which misses one decay.',
        where: 'Token-by-token kernels.',
      },
    ],
  },
  {
    title: 'Causality, ends and tiles',
    bugs: [
      {
        title: 'One token of the future',
        mutant: 'one-position-of-the-future',
        what: 'The mask is s <= t + 1.',
        where: 'Masks that compare indices counted from 1 with others counted from 0.',
      },
      {
        title: 'Masked entries are multiplied by zero',
        mutant: 'masked-zero-times-later-values',
        what: 'Later tokens are multiplied by 0 instead of left out. With finite numbers nothing shows; NaN or Infinity in a later token reaches an earlier one.',
        where: 'Kernels of tiles. Some are meant to be so: then this law is one to list as expected.',
      },
      {
        title: 'Reading past a partial last chunk',
        mutant: 'rows-past-the-end-are-read',
        what: 'Where T is no multiple of the tile, one row too many is added.',
        where: 'Loads without a mask on the last tile; memory behind a tensor is often 0, and hides it.',
      },
      {
        title: 'A partial last chunk is not written',
        mutant: 'partial-chunk-dropped',
        what: 'floor(T / C) chunks are computed where ceil(T / C) are wanted.',
        where: 'Grid sizes.',
      },
      {
        title: 'A partial last chunk has no gradient',
        mutant: 'partial-chunk-without-gradient',
        what: 'The forward is right, and dk and dv of the last tokens stay 0.',
        where: 'Backward kernels with a grid of their own.',
      },
      {
        title: 'Channels past the tile',
        mutant: 'key-tail-dropped',
        what: 'With K = 17 the last channel takes no part.',
        where: 'Loops over K in steps of 16; every size that models use is a multiple of it.',
      },
      {
        title: 'Values past channel 64',
        mutant: 'value-tile-of-64',
        what: 'Outputs from channel 64 on are never written.',
        where: 'One program for all of V, where V is larger than a tile.',
      },
    ],
  },
  {
    title: 'Heads, groups, batches, packed sequences',
    bugs: [
      {
        title: 'Groups by remainder',
        mutant: 'group-index-modulo',
        what: 'Head h reads group h mod G, where floor(h G / H) is wanted. With G = 1 and G = H nothing shows.',
        where: 'Grouped queries; both conventions exist, and shapes do not tell them apart.',
      },
      {
        title: 'A gradient that is not summed over its group',
        mutant: 'dq-of-the-last-head',
        what: 'The heads of a group overwrite dq, or average it, instead of adding to it.',
        where: 'Backward kernels with one program a head.',
      },
      {
        title: 'A stride of the batch is missing',
        mutant: 'batch-stride-missing',
        what: 'Level scales of batch row 0 serve every row.',
        where: 'Pointer arithmetic; tests with B = 1 pass.',
      },
      {
        title: 'Packed sequences are computed as one',
        mutant: 'cu-seqlens-ignored',
        what: 'A sequence reads those before it.',
        where: 'One path of several that forgets cuSeqlens.',
      },
      {
        title: 'A packed sequence leaks over its start',
        mutant: 'packed-neighbours-leak',
        what: 'The first token of a sequence reads the last one of the sequence before.',
        where: 'Chunks that straddle a boundary, convolutions and shifts.',
      },
      {
        title: 'Levels from the index in the packed row',
        mutant: 'packed-levels-from-global-index',
        what: 'Levels follow from the place in the row instead of that in the sequence. Sequences that start at large powers of two look right.',
        where: 'Packed kernels that were made from batched ones.',
      },
      {
        title: 'A gradient goes over the boundary of packed sequences',
        mutant: 'cu-seqlens-ignored-in-backward',
        what: 'The forward keeps sequences apart, and dv flows into the neighbour.',
        where: 'Backward passes that go from the end to the start, and look for a boundary on the wrong side.',
      },
    ],
  },
  {
    title: 'Scale and normalisation',
    bugs: [
      {
        title: 'The scale twice',
        mutant: 'scale-twice',
        what: 'q is scaled, and q·k again.',
        where: 'Two layers that each think it their task; with scale = 1 nothing shows.',
      },
      {
        title: 'The scale on the keys',
        mutant: 'scale-on-the-state-too',
        what: 'Scaling k instead of q leaves a linear output alone and changes the state, and what a delta rule erases.',
        where: 'Where a factor is moved for speed.',
      },
      {
        title: 'A gradient without the scale',
        mutant: 'dq-without-scale',
        what: 'The forward scales, dq does not.',
        where: 'Hand-written backward kernels.',
      },
      {
        title: 'Keys are normalised again',
        mutant: 'keys-normalised-again',
        what: 'Keys are divided by their length inside of the kernel. Normalised keys do not notice.',
        where: 'Kernels with an option for it that is on by default.',
      },
      {
        title: 'A softmax sum that misses a key',
        mutant: 'softmax-sum-of-the-tile',
        what: 'Weights do not add up to 1.',
        where: 'Sums that are kept over tiles.',
      },
      {
        title: 'Softmax without its maximum',
        mutant: 'softmax-without-maximum',
        what: 'The exponential of a raw score overflows.',
        where: 'Naive softmax.',
      },
    ],
  },
  {
    title: 'Delta rules',
    bugs: [
      {
        title: 'Beta squared',
        mutant: 'beta-twice-on-the-value',
        what: 'beta (beta v) is written: the value came scaled.',
        where: 'Between a projection and the kernel, each of which multiplies.',
      },
      {
        title: 'What is erased is not scaled',
        mutant: 'beta-missing-in-the-erase',
        what: 'S loses all of k^T S instead of a part beta of it.',
        where: 'Where beta is folded into the value, and forgotten in the erase.',
      },
      {
        title: 'Erased before the decay',
        mutant: 'erase-before-decay',
        what: 'diag(alpha) (I - beta k k^T) where (I - beta k k^T) diag(alpha) is wanted. With scalar decays the two are the same.',
        where: 'Diagonal decays in kernels made for scalar ones.',
      },
      {
        title: 'The triangular solve cut short',
        mutant: 'solve-cut-after-one-term',
        what: '(I + N)^-1 is replaced by I - N: right while no three keys overlap.',
        where: 'Series instead of a solve, or a solve by blocks that misses one.',
      },
      {
        title: 'Nothing is erased across chunks',
        mutant: 'erase-stops-at-chunk',
        what: 'The first token of a chunk does not erase what comes from earlier ones.',
        where: 'Chunked delta rules.',
      },
      {
        title: 'A gradient that leaves out the solve',
        mutant: 'dk-without-the-solve',
        what: 'dk misses what goes through the erase.',
        where: 'Backwards made from those of linear attention.',
      },
    ],
  },
  {
    title: 'States',
    bugs: [
      {
        title: 'The position is ignored',
        mutant: 'position-ignored',
        what: 'A call that continues takes its first token for token 0, and reads the state at the wrong levels.',
        where: 'Decoding after a prefill; flat systems do not notice.',
      },
      {
        title: 'The state is handed over one merge too early',
        mutant: 'final-state-merged-early',
        what: 'The state is what it will be after the merge of the next step.',
        where: 'Kernels that merge at the end of a step; the next call merges again.',
      },
      {
        title: 'The last token in the wrong level of the state',
        mutant: 'last-token-at-level-one',
        what: 'The last token is handed over in level 1, where it would be one step later.',
        where: 'States that are made of a chunk at its end, instead of step by step.',
      },
      {
        title: 'The state misses its last token',
        mutant: 'final-state-misses-last-token',
        what: 'The state is stored before the last token is inserted.',
        where: 'Loops that write at their start.',
      },
      {
        title: 'The state with V before K',
        mutant: 'final-state-transposed',
        what: 'The state is stored transposed. With K = V every shape fits.',
        where: 'Between two kernels that each have an order of their own.',
      },
      {
        title: 'The first decay is missing from a state',
        mutant: 'state-undecayed-at-split',
        what: 'A state that comes in does not decay at the first token.',
        where: 'Kernels that treat token 0 apart: without a state it does not matter there.',
      },
      {
        title: 'A shorter state at the wrong end',
        mutant: 'short-state-shifts-levels',
        what: 'A state with fewer levels than lambda is aligned to the coarsest level.',
        where: 'Prefill and decoding with different numbers of levels.',
      },
      {
        title: 'T = 0 clears the state',
        mutant: 'empty-call-clears-the-state',
        what: 'A call without tokens answers a state of zeros.',
        where: 'Kernels that are not launched on an empty grid.',
      },
      {
        title: 'Buffers that are not cleared',
        mutant: 'output-buffer-not-cleared',
        what: 'Outputs are added to what was there.',
        where: 'Accumulation into memory that is allocated without being cleared: right the first time.',
        remembers: true,
      },
      {
        title: 'Sums in any order',
        mutant: 'sums-in-any-order',
        what: 'The same call gives other bits: partial sums are rounded, and added by whoever comes first.',
        where: 'Atomic additions.',
        remembers: true,
      },
      {
        title: 'Inputs are written to',
        mutant: 'inputs-overwritten',
        what: 'beta v is stored where v was.',
        where: 'Kernels that work in place. Behind the gate the adapter finds it.',
        remembers: true,
      },
    ],
  },
  {
    title: 'Gradients',
    bugs: [
      {
        title: 'A gradient on a dead row',
        mutant: 'dg-on-a-dead-row',
        what: 'A reset, g = -Infinity, gets a gradient that is not 0.',
        where: 'Backwards that divide by a decay, or clamp it.',
      },
      {
        title: 'The gradient of g at its neighbour',
        mutant: 'dg-shifted-by-one',
        what: 'dg_t is stored at t + 1.',
        where: 'Reverse cumulative sums that include or exclude their own token.',
      },
      {
        title: 'The gradient of g counts the diagonal',
        mutant: 'dg-counts-the-diagonal',
        what: 'dg_r sums the products that start at r too, which r does not decay.',
        where: 'The same sums. A test on sums over all tokens does not see it.',
      },
      {
        title: 'The gradient of lambda in another level',
        mutant: 'dlambda-of-the-wrong-level',
        what: 'dlambda is summed over the next level.',
        where: 'Backwards that count levels anew.',
      },
      {
        title: 'Levels that are never read get a gradient',
        mutant: 'dlambda-of-unread-levels',
        what: 'dlambda of an empty bucket is what was in memory.',
        where: 'Gradients that are allocated without being cleared.',
      },
      {
        title: 'The cotangent of the final state is ignored',
        mutant: 'dfinal-state-ignored',
        what: 'Gradients come through the outputs alone.',
        where: 'Training through a state, which few tests do.',
      },
      {
        title: 'No gradient of the initial state',
        mutant: 'dstate-missing',
        what: 'It is 0.',
        where: 'The same.',
      },
      {
        title: 'Gradients in a narrow buffer',
        mutant: 'dk-in-four-bits',
        what: 'dk is kept in four bits of significand.',
        where: 'Accumulation in the format of the output.',
      },
    ],
  },
];

export const bugs: readonly Bug[] = bugGroups.flatMap((group) => group.bugs);
