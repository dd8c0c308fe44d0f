/**
 * Leaves prose alone: no behaviour hangs on what a title or a citation says, and a test of it would say the same sentence twice.
 * @type {{ kind: 'Ignore', name: string, value: import('@stryker-mutator/api/ignore').Ignorer }[]}
 */
export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'prose',
    value: {
      shouldIgnore(path) {
        if (!path.isStringLiteral() && !path.isTemplateLiteral()) return;
        const { parent } = path;
        const isProse =
          parent?.type === 'ObjectProperty' &&
          parent.key.type === 'Identifier' &&
          ['title', 'citation', 'formula', 'statement'].includes(parent.key.name);
        return isProse ? 'prose' : undefined;
      },
    },
  },
];
