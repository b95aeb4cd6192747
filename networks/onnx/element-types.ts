import type { Attributes } from './attribute.js';
import { GraphError } from './graph-error.js';
import type { ElementType } from './tensor.js';
import { ELEMENT_TYPES } from './tensor.js';

const INT64_RESULT = new Set(['Shape', 'Size', 'NonZero', 'ArgMax', 'ArgMin']);
const COMPARISONS = ['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'];
const BOOL_RESULT = new Set([...COMPARISONS, 'Not', 'And', 'Or', 'Xor', 'IsNaN', 'IsInf']);

/** Operators all of whose operands must be of one type. ONNX never converts on its own. */
const UNIFORM = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Min', 'Max', 'Sum', 'Mean', 'Mod', 'MatMul', 'Gemm', 'Conv', 'Concat'],
  ...['Range', 'Clip', 'LayerNormalization', 'InstanceNormalization', 'FusedMatMul', 'MultiHeadAttention'],
  ...COMPARISONS,
]);

type OperandTypes = readonly (ElementType | null)[];

const present = (types: OperandTypes): ElementType[] => types.filter((type) => type !== null);

/** Throws when operands that must be of one type are not. A null is an omitted optional operand. */
export function checkOperandTypes(node: string, op: string, operands: OperandTypes): void {
  const types = present(op === 'Where' ? operands.slice(1) : operands);
  if ((UNIFORM.has(op) || op === 'Where') && new Set(types).size > 1) {
    throw new GraphError(`Node '${node}': ${op} takes operands of one type, got ${types.join(', ')}`);
  }
}

/** The element type of an operator's results: that of its first operand, but for the operators named here. */
export function resultType(
  node: string,
  op: string,
  operands: OperandTypes,
  attributes: Attributes,
): ElementType {
  if (INT64_RESULT.has(op)) return 'int64';
  if (BOOL_RESULT.has(op)) return 'bool';
  if (op === 'Cast') return castTarget(node, attributes);
  const [type] = present(op === 'Where' ? operands.slice(1) : operands);
  if (op === 'ConstantOfShape' || op === 'Constant') {
    const { value } = attributes;
    return typeof value === 'object' && 'type' in value ? value.type : 'float32';
  }
  if (type === undefined)
    throw new GraphError(`Node '${node}': say the result type of ${op}, it has no operand`);
  return type;
}

function castTarget(node: string, attributes: Attributes): ElementType {
  const names = Object.keys(ELEMENT_TYPES) as ElementType[];
  const target = names.find((name) => ELEMENT_TYPES[name].code === attributes.to);
  if (target === undefined) throw new GraphError(`Node '${node}': Cast needs the number of a type as 'to'`);
  return target;
}
