/** Whether anybody is asked who they are. A module of its own, because every command asks. */

/** The part of the `auth` group that decides, as parsed or as converted. */
interface AuthOutline {
  readonly htpasswd?: string | undefined;
  readonly token?:
    | { readonly enabled: boolean; readonly trusted?: readonly unknown[] | undefined }
    | undefined;
  readonly policies?: readonly unknown[] | undefined;
}

/** True when the configuration asks for no authentication at all. */
export function isOpen({ htpasswd, token, policies = [] }: AuthOutline): boolean {
  const hasTokens = token !== undefined && (token.enabled || (token.trusted ?? []).length > 0);
  return htpasswd === undefined && !hasTokens && policies.length === 0;
}
