import { estimateText, type Checked } from './estimate.js';

interface Props {
  readonly checked: Checked;
  readonly sending: boolean;
  /** There when something has been entered. */
  readonly onReset?: () => void;
}

/** What the clip would cost, and the button that makes it. */
export function Footer({ checked, sending, onReset }: Props) {
  return (
    <footer>
      <p class="estimate" role="status">
        {lineOf(checked)}
        {checked.estimate?.warnings.map((warning) => (
          <span key={warning} class="warning">
            {warning}
          </span>
        ))}
      </p>
      <div class="buttons">
        {onReset && (
          <button type="button" class="quiet" onClick={onReset}>
            Reset
          </button>
        )}
        <button type="submit" class="primary" disabled={sending}>
          {sending ? 'Sending…' : 'Make the clip'}
        </button>
      </div>
    </footer>
  );
}

function lineOf({ estimate, errors, fault }: Checked): string {
  if (Object.keys(errors).length > 0) return 'One of the values cannot be used';
  return fault ?? (estimate ? estimateText(estimate) : 'Estimating…');
}
