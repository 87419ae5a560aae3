/** The mark: a wall with its crenels. Drawn here, so that no picture has to be fetched. */
export function BrandMark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#1e6670" />
      <path d="M6 24V12h4v3h4v-3h4v3h4v-3h4v12z" fill="#fff" />
    </svg>
  );
}
