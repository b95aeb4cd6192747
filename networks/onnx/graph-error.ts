/** A graph that cannot be built as described. The message names the graph and the node, value or tensor at fault. */
export class GraphError extends Error {
  readonly code = 'invalid_graph';

  constructor(message: string) {
    super(message);
    this.name = 'GraphError';
  }
}
