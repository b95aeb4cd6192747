import type { Attribute, Attributes } from './attribute.js';
import { checkAttribute } from './attribute.js';
import { checkOperandTypes, resultType } from './element-types.js';
import { GraphError } from './graph-error.js';
import type { Dim, ElementType, Tensor } from './tensor.js';
import { checkTensor, scalarTensor } from './tensor.js';

/** A tensor that flows through a graph. Only the graph that made it (or one inside that) can use it. */
export class Value {
  constructor(
    readonly type: ElementType,
    /** The graph whose value this is. */
    readonly graph: Graph,
  ) {}
}

/** What a node takes: a value, a number (a constant of the type of the node's first value), or null for "left out". */
export type Operand = Value | number | null;

export interface NodeDescription {
  readonly op: string;
  readonly inputs: readonly Operand[];
  readonly attributes?: Attributes;
  /** '' is ONNX's own set of operators. */
  readonly domain?: string;
  /** Types of the results, one for each. By default one result of the type ONNX gives it. */
  readonly results?: readonly ElementType[];
}

export interface Node {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

export interface Port {
  readonly value: Value;
  readonly dims: readonly Dim[];
}

/**
 * A computation under construction: values go in, `op` makes new ones, `output` names results. Nodes stand in the order
 * in which they were made, which is a topological one since a value must exist before it can be used. The same calls
 * give the same bytes.
 */
export class Graph {
  readonly #names: Map<Value, string>;
  readonly #taken: Set<string>;
  readonly #counts: Map<string, number>;
  readonly #scalars = new Map<string, Value>();
  readonly #outputs: Port[] = [];
  readonly #inputs: Port[] = [];
  readonly #nodes: Node[] = [];
  readonly #initializers = new Map<Value, Tensor>();
  #scope = '';

  constructor(
    readonly name: string,
    /** The graph around this one, whose values it may use. */
    readonly parent: Graph | null = null,
  ) {
    // Names are unique over a graph and all graphs inside it: ONNX forbids shadowing.
    this.#names = parent === null ? new Map<Value, string>() : parent.#names;
    this.#taken = parent === null ? new Set<string>() : parent.#taken;
    this.#counts = parent === null ? new Map<string, number>() : parent.#counts;
  }

  get inputs(): readonly Port[] {
    return this.#inputs;
  }
  get outputs(): readonly Port[] {
    return this.#outputs;
  }
  get nodes(): readonly Node[] {
    return this.#nodes;
  }
  get initializers(): ReadonlyMap<Value, Tensor> {
    return this.#initializers;
  }

  /** Declares what the caller feeds. A dimension given by name may differ from run to run. */
  input(name: string, type: ElementType, dims: readonly Dim[]): Value {
    const value = this.#newValue(this.#claim(name), type);
    this.#inputs.push({ value, dims });
    return value;
  }

  /** Adds a weight or another constant. Without a name one is made up. */
  initializer(tensor: Tensor, name?: string): Value {
    checkTensor(name ?? 'constant', tensor);
    const own = this.#claim(name ?? this.#freshName('constant'));
    const value = this.#newValue(own, tensor.type);
    this.#initializers.set(value, tensor);
    return value;
  }

  /** A constant without dimensions; equal ones are stored once. */
  scalar(type: ElementType, value: number): Value {
    const key = `${type} ${Object.is(value, -0) ? '-0' : value}`;
    const known = this.#scalars.get(key) ?? this.initializer(scalarTensor(type, value));
    this.#scalars.set(key, known);
    return known;
  }

  /** Adds a node of ONNX's own operators with one result: `g.op('Mul', x, 2)`, `g.op('Transpose', x, {perm: [1, 0]})`. */
  op(op: string, ...args: readonly (Operand | Attributes)[]): Value {
    const last = args.at(-1);
    const attributes = isAttributes(last) ? last : {};
    const inputs = (isAttributes(last) ? args.slice(0, -1) : args) as readonly Operand[];
    return this.node({ op, inputs, attributes })[0];
  }

  /** Adds any node: of another domain, with several results, or with results whose type ONNX's rules do not say here. */
  node(description: NodeDescription): [Value, ...Value[]] {
    const { op, attributes = {}, domain = '' } = description;
    const name = this.#freshName(op);
    const inputs = this.#resolve(name, op, description.inputs);
    const types = inputs.map((input) => input?.type ?? null);
    checkOperandTypes(name, op, types);
    for (const [key, value] of Object.entries(attributes)) this.#checkAttribute(name, key, value);
    if (description.results === undefined && Object.values(attributes).some((a) => a instanceof Graph)) {
      throw new GraphError(`Node '${name}': say the result types of ${op}, its subgraphs decide them`);
    }
    const [first, ...rest] = description.results ?? [resultType(name, op, types, attributes)];
    const outputs: [Value, ...Value[]] = [
      this.#newValue(this.#claim(name), first),
      ...rest.map((type, i) => this.#newValue(this.#claim(`${name}.${i + 1}`), type)),
    ];
    this.#nodes.push({ name, op, domain, inputs, outputs, attributes });
    return outputs;
  }

  /** Makes a value one of the graph's results, under this name. */
  output(name: string, value: Value, dims: readonly Dim[]): void {
    this.#checkKnown(`Output '${name}'`, value);
    const madeHere = this.#nodes.some((node) => node.outputs.includes(value));
    const isOutput = this.#outputs.some((port) => port.value === value);
    // An input, a constant or a result with a name already cannot be renamed, only passed on.
    const result = madeHere && !isOutput ? value : this.op('Identity', value);
    this.#names.set(result, this.#claim(name));
    this.#outputs.push({ value: result, dims });
  }

  /** Runs `build` with `prefix/` before the names of all that it adds, so that a profile reads like the network. */
  scope<T>(prefix: string, build: () => T): T {
    const outer = this.#scope;
    this.#scope = `${outer}${prefix}/`;
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  /** A graph for an attribute (the branches of If, the body of Loop). It may use the values made here so far. */
  subgraph(name: string): Graph {
    return new Graph(name, this);
  }

  /** Whether this is `graph` or a graph inside it, so that values of `graph` can be used here. */
  isInside(graph: Graph): boolean {
    return graph === this || (this.parent?.isInside(graph) ?? false);
  }

  /** The name under which a value appears in the file. */
  nameOf(value: Value): string {
    const name = this.#names.get(value);
    if (name === undefined) throw new GraphError(`Graph '${this.name}' does not know this value`);
    return name;
  }

  #resolve(node: string, op: string, operands: readonly Operand[]): (Value | null)[] {
    const typed = op === 'Where' ? operands.slice(1) : operands; // Where's first is the condition
    const type = typed.find((operand) => operand instanceof Value)?.type;
    return operands.map((operand, i) => {
      if (operand === null) return null;
      if (typeof operand === 'number') {
        if (type === undefined) throw new GraphError(`Node '${node}': a number needs a value beside it`);
        return this.scalar(type, operand);
      }
      this.#checkKnown(`Node '${node}', input ${i}`, operand);
      return operand;
    });
  }

  #checkKnown(place: string, value: Value): void {
    if (!(value instanceof Value)) throw new GraphError(`${place}: expected a value, got ${typeof value}`);
    if (this.isInside(value.graph)) return;
    throw new GraphError(`${place}: the value belongs to graph '${value.graph.name}', not to '${this.name}'`);
  }

  #checkAttribute(node: string, name: string, value: Attribute): void {
    checkAttribute(node, name, value);
    if (value instanceof Graph && value.parent !== this) {
      throw new GraphError(`Node '${node}', attribute '${name}': expected a subgraph of '${this.name}'`);
    }
    if (isTensor(value)) checkTensor(`${node}.${name}`, value);
  }

  #newValue(name: string, type: ElementType): Value {
    const value = new Value(type, this);
    this.#names.set(value, name);
    return value;
  }

  #claim(name: string): string {
    if (name === '') throw new GraphError(`Graph '${this.name}': a name must not be empty`);
    if (this.#taken.has(name)) throw new GraphError(`Graph '${this.name}': the name '${name}' is taken`);
    this.#taken.add(name);
    return name;
  }

  #freshName(stem: string): string {
    const base = `${this.#scope}${stem}`;
    let count = this.#counts.get(base) ?? 0;
    while (this.#taken.has(`${base}_${count}`)) count++;
    this.#counts.set(base, count + 1);
    return `${base}_${count}`;
  }
}

const isTensor = (value: Attribute): value is Tensor =>
  typeof value === 'object' && 'dims' in value && !(value instanceof Graph);

const isAttributes = (arg: Operand | Attributes | undefined): arg is Attributes =>
  typeof arg === 'object' && arg !== null && !(arg instanceof Value);
