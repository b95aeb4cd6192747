import { InvalidParameterError } from '../errors/invalid-parameter-error.js';
import { CATALOGUE, COMPONENT_KINDS, type ComponentKind, type ComponentSpec } from './catalogue.js';
import { type ParameterSpec, STEPS } from './catalogue.js';

/** A component with every parameter it takes, under their wire names. */
export interface ResolvedComponent {
  readonly name: string;
  readonly params: Readonly<Record<string, number>>;
}

/** The three components and the number of steps: all that a model's recipe says about sampling. */
export interface Recipe {
  readonly steps: number;
  readonly sampler: ResolvedComponent;
  readonly discretization: ResolvedComponent;
  readonly guider: ResolvedComponent;
}

export interface ResolvedRecipe extends Recipe {
  /** Parameters that were given but that none of the chosen components takes. Worth a warning. */
  readonly ignored: readonly string[];
}

/** @throws InvalidParameterError naming the kind when there is no such component */
export function specOf(kind: ComponentKind, name: unknown): ComponentSpec {
  const spec = CATALOGUE[kind].find((candidate) => candidate.name === name);
  if (spec === undefined) {
    throw new InvalidParameterError(kind, name, `one of ${CATALOGUE[kind].map((c) => c.name).join(', ')}`);
  }
  return spec;
}

/**
 * One component with every parameter filled in. A named component starts from its documented defaults, one left out
 * is `base` (the model's recipe); `overrides` come last and must lie within the catalogue's limits, unless they are the
 * base's own.
 * @throws InvalidParameterError for an unknown name or parameter and for a value out of range
 */
export function resolveComponent(
  kind: ComponentKind,
  name: string | undefined,
  overrides: Readonly<Record<string, unknown>> = {},
  base?: ResolvedComponent,
): ResolvedComponent {
  const spec = specOf(kind, name ?? base?.name);
  for (const key of Object.keys(overrides)) {
    if (!spec.parameters.some((parameter) => parameter.name === key)) {
      const allowed = spec.parameters.map((parameter) => parameter.name).join(', ') || 'none';
      throw new InvalidParameterError(key, overrides[key], `left out: ${spec.name} takes ${allowed}`);
    }
  }
  const inherited = name === undefined ? base?.params : undefined;
  const params = spec.parameters.map((parameter) => {
    const given = overrides[parameter.name];
    if (given === undefined)
      return [parameter.name, inherited?.[parameter.name] ?? parameter.default] as const;
    const own = base?.name === spec.name ? base.params[parameter.name] : undefined;
    return [parameter.name, own === given ? own : checkValue(parameter, given)] as const;
  });
  return { name: spec.name, params: Object.fromEntries(params) };
}

/**
 * The three components and the steps from flat wire fields: `sampler`, `discretization`, `guider`, `steps` and any
 * parameter of any component. Fields of other names are the caller's business and are passed over.
 * @throws InvalidParameterError
 */
export function resolveRecipe(fields: Readonly<Record<string, unknown>>, base?: Recipe): ResolvedRecipe {
  const used = new Set<string>();
  const resolve = (kind: ComponentKind): ResolvedComponent => {
    const name = fields[kind];
    const spec = specOf(kind, name ?? base?.[kind].name);
    const overrides: Record<string, unknown> = {};
    for (const parameter of spec.parameters) {
      if (fields[parameter.name] === undefined) continue;
      overrides[parameter.name] = fields[parameter.name];
      used.add(parameter.name);
    }
    return resolveComponent(kind, name === undefined ? undefined : spec.name, overrides, base?.[kind]);
  };
  return {
    steps: fields.steps === undefined ? (base?.steps ?? STEPS.default) : checkValue(STEPS, fields.steps),
    sampler: resolve('sampler'),
    discretization: resolve('discretization'),
    guider: resolve('guider'),
    ignored: parameterNames().filter((name) => fields[name] !== undefined && !used.has(name)),
  };
}

/** The wire name of every parameter of every component, each once. */
export function parameterNames(): string[] {
  const all = COMPONENT_KINDS.flatMap((kind) => CATALOGUE[kind]).flatMap((spec) => spec.parameters);
  return [...new Set(all.map((parameter) => parameter.name))];
}

/** @throws InvalidParameterError unless the value has the parameter's type and lies within its limits */
export function checkValue({ name, type, min, max }: ParameterSpec, value: unknown): number {
  const typed =
    typeof value === 'number' && (type === 'integer' ? Number.isInteger(value) : Number.isFinite(value));
  if (typed && value >= min && value <= max) return value;
  throw new InvalidParameterError(
    name,
    value,
    `${type === 'integer' ? 'an integer' : 'a number'} from ${min} to ${max}`,
  );
}
