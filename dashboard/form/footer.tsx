import { estimateText, type Checked } from './estimate.js';

interface Props {
  readonly checked: Checked;
  readonly sending: boolean;
  /** There when something has been entered. */
  readonly onReset?: () => void;
}

/** What the clip would cost, and the button that makes it. */
export function Footer({ checked: { estimate, errors }, sending, onReset }: Props) {
  const refused = Object.keys(errors).length > 0;
  return (
    <footer>
      <p class="estimate" role="status">
        {refused ? 'One of the values cannot be used' : estimate ? estimateText(estimate) : 'Estimating…'}
        {estimate?.warnings.map((warning) => (
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
