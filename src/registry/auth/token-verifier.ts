/**
 * Turns bearer tokens into access objects. Checking a signature takes about a third of a millisecond,
 * so whatever was checked is remembered under the raw header, and a request that repeats it costs one
 * look into a map.
 */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { LRUCache } from 'lru-cache';
import { outsideAccess, tokenAccess } from './access.ts';
import { type TokenParties, verifyAccessToken } from './access-token.ts';
import { AuthenticationError } from './errors.ts';
import { tokenError, type VerifiedToken } from './jwt.ts';
import type { Policies } from './policies.ts';
import { collectAccess } from './scopes.ts';
import type { SigningKey } from './signing-key.ts';
import type { TrustedIssuer } from './trusted-issuer.ts';
import type { Access } from './types.ts';

const MAX_TOKENS = 8192;
/** Characters of all remembered headers together; one byte each. */
const MAX_CHARACTERS = 16 * 1024 * 1024;
/** Milliseconds after which a token is checked again, for keys that an issuer has withdrawn. */
const REMEMBERED_FOR = 5 * 60_000;

interface Remembered {
  readonly access: Access;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** What tokens are checked with. */
export interface TokenVerifierOptions {
  /** Key and names of the built-in service; absent when it is off. */
  readonly own: { readonly key: SigningKey; readonly parties: TokenParties } | undefined;
  readonly issuers: ReadonlyMap<string, TrustedIssuer>;
  readonly policies: Policies;
  /** Whether there still is a user of that name. */
  readonly userExists: (user: string) => boolean;
  readonly now: () => number;
}

/** Checks bearer tokens under one configuration. */
export interface TokenVerifier {
  /** What is known about a header value; undefined when it has to be checked. */
  recall(authorization: string): Access | undefined;
  /**
   * Checks the token that a header value holds, and remembers it.
   * @throws AuthenticationError with `invalid_token` when it is not good
   * @throws AuthenticationBusyError when the keys of its issuer cannot be had now
   */
  verify(authorization: string, token: string): Promise<Access>;
  /** Forgets all tokens: to be called when users or keys have changed. */
  forget(): void;
}

/** Makes the check of tokens. */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { own, issuers, policies, userExists, now } = options;
  const remembered = new LRUCache<string, Remembered>({
    max: MAX_TOKENS,
    maxSize: MAX_CHARACTERS,
    sizeCalculation: (_, header) => header.length,
  });
  /** Clients open several connections at once; the same token is then checked only once. */
  const checking = new Map<string, Promise<Access>>();
  let generation = 0;

  function ownAccess({ subject, access }: VerifiedToken): Access {
    const scopes = collectAccess(access);
    if (subject === '') return tokenAccess('', policies.anonymous, scopes);
    if (!userExists(subject)) {
      throw new AuthenticationError('the user of the token is gone', 'invalid_token');
    }
    return tokenAccess(`user:${subject}`, policies.forUser(subject), scopes);
  }

  async function check(token: string): Promise<Remembered> {
    let issuer: unknown;
    let header: ReturnType<typeof decodeProtectedHeader>;
    try {
      header = decodeProtectedHeader(token);
      issuer = decodeJwt(token).iss;
    } catch (error) {
      throw tokenError(error);
    }
    // The claim is not believed: it selects the key, and the check then requires the claim again.
    if (own !== undefined && issuer === own.parties.issuer) {
      const verified = await verifyAccessToken(own.key, own.parties, token, now());
      return { access: ownAccess(verified), until: verified.expires };
    }
    const trusted = typeof issuer === 'string' ? issuers.get(issuer) : undefined;
    if (trusted === undefined) {
      throw new AuthenticationError('the issuer of the token is not trusted', 'invalid_token');
    }
    const verified = await trusted.verify(token, header);
    const subject = `issuer:${encodeURIComponent(trusted.issuer)}:${verified.subject}`;
    const access = outsideAccess(subject, collectAccess(verified.access));
    return { access, until: verified.expires };
  }

  async function checkAndRemember(authorization: string, token: string): Promise<Access> {
    const began = generation;
    const { access, until } = await check(token);
    // If users or keys have changed meanwhile, what was found may be out of date already.
    if (began === generation) {
      const limit = now() + REMEMBERED_FOR;
      remembered.set(authorization, { access, until: Math.min(until, limit) });
    }
    return access;
  }

  return {
    recall(authorization) {
      const known = remembered.get(authorization);
      if (known === undefined) return undefined;
      if (now() < known.until) return known.access;
      remembered.delete(authorization);
      return undefined;
    },
    verify(authorization, token) {
      const known = checking.get(authorization);
      if (known !== undefined) return known;
      const running = checkAndRemember(authorization, token).finally(() => {
        if (checking.get(authorization) === running) checking.delete(authorization);
      });
      checking.set(authorization, running);
      return running;
    },
    forget() {
      generation++;
      remembered.clear();
      checking.clear();
    },
  };
}
