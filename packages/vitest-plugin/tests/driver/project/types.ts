/** Instance types that this computer can pretend to be. */
export const types =
  process.arch === 'arm64'
    ? (['m7g.large', 'c8g.large'] as const)
    : (['m7i.large', 'c7i.large'] as const)
