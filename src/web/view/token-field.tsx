// Where a person gives the token: before an action, and where the daemon tells nothing without it (beyond loopback).

export const TokenField = ({
  token,
  onToken,
}: {
  readonly token: string;
  readonly onToken: (token: string) => void;
}) => (
  <label class="token">
    Token
    <input
      type="password"
      autocomplete="off"
      value={token}
      onInput={(event) => onToken(event.currentTarget.value)}
      aria-describedby="token-place"
    />
    <span id="token-place" class="quiet">
      It stands in the file <code>token</code> in STATE_DIR, and in the address that <code>tailrace run</code> prints.
    </span>
  </label>
);
