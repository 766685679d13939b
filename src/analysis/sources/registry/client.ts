/**
 * Requests to one registry, with all that they need: log-in, redirects, time-outs, tries, pauses that
 * are asked for, limits of pulls, and a budget.
 */

import { SourceError } from '../errors.ts';
import { createAuthorizer, loginHint } from './authorizer.ts';
import type { FoundCredentials } from './credentials.ts';
import { BudgetError, RefusedError, shown, TransientError } from './errors.ts';
import {
  type Answer,
  checkTransport,
  createExchange,
  readWhole,
  type WholeAnswer,
} from './exchange.ts';
import { accessHint } from './hints.ts';
import { createRetrier, DEFAULT_PATIENCE, type Patience, requestedPause } from './patience.ts';
import { createPullGate, type Mark } from './pull-gate.ts';

/** Bytes of the body of an error that are looked at. */
const MAX_ERROR = 64 * 1024;

/** How many requests may be sent; undefined is as many as it takes. */
export interface Budget {
  /** Requests for names, tags, manifests and configurations, tries included; not for layers. */
  readonly requests?: number | undefined;
  /** GETs of manifests, which registries count as pulls. */
  readonly pulls?: number | undefined;
}

/** Which registry, and how to treat it. */
export interface ClientOptions extends FoundCredentials {
  /** Base URL, without `/v2/`. */
  readonly url: URL;
  /** Allows HTTP without TLS to other machines. */
  readonly plainHttp: boolean;
  readonly patience?: Partial<Patience> | undefined;
  readonly budget?: Budget | undefined;
}

/** One request. */
export interface RegistryRequest {
  readonly url: URL;
  readonly method?: 'GET' | 'HEAD';
  /** Of the token, for example `repository:library/nginx:pull`; undefined: without log-in. */
  readonly scope: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes of the longest body. */
  readonly limit: number;
  /** Statuses that are answers, beside 2xx. */
  readonly passing?: readonly number[];
  readonly signal: AbortSignal;
}

/** A registry as a client sees it. */
export interface RegistryClient {
  readonly base: URL;
  readonly patience: Patience;
  /**
   * Sends a request and reads its answer.
   * @throws UnreachableError, RateLimitError, RefusedError, BudgetError, SourceError
   * @throws the signal's reason
   */
  fetch(request: RegistryRequest): Promise<WholeAnswer>;
  /**
   * Sends a request that counts as a pull. Where no pull is left it waits, and looks by `probe`, which
   * is for free, until there is one.
   */
  pull(request: RegistryRequest, probe: () => Promise<unknown>): Promise<WholeAnswer>;
  /** Sends a request of which the body is read by the caller; not counted on the budget. */
  open(request: Omit<RegistryRequest, 'limit'>): Promise<Answer>;
  close(): void;
}

function isTransient(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** What an answer of the specification says about its error. */
function errorText(body: Buffer): string {
  try {
    const json = JSON.parse(body.toString('utf8'));
    const { code, message } = json?.errors?.[0] ?? {};
    const text = [code, message].filter((part) => typeof part === 'string').join(': ');
    return text === '' ? '' : `: ${shown(text)}`;
  } catch {
    return '';
  }
}

/** Creates a client; nothing is sent before the first request. */
export function createRegistryClient(options: ClientOptions): RegistryClient {
  const { url, plainHttp, credentials, note, budget = {} } = options;
  checkTransport(url, plainHttp);
  const patience: Patience = { ...DEFAULT_PATIENCE, ...options.patience };
  const { timeout } = patience;
  const exchange = createExchange(plainHttp);
  const retrier = createRetrier(patience);
  const gate = createPullGate(url.host, patience);
  let requests = 0;
  let pulls = 0;

  /** Passes an answer on, or throws what it means. */
  async function judge(
    answer: Answer,
    at: URL,
    passing: readonly number[],
    signal: AbortSignal,
  ): Promise<Answer> {
    const { status, headers } = answer;
    if ((status >= 200 && status < 300) || passing.includes(status)) return answer;
    const whole = await readWhole(answer, at, { limit: MAX_ERROR, timeout, signal }).catch(() => {
      signal.throwIfAborted();
      return { body: Buffer.alloc(0) };
    });
    const text = `${at.host} answers ${status}${errorText(whole.body)}`;
    if (status === 401 || status === 403) {
      const hint = accessHint(url.host, { credentials, note });
      throw new RefusedError(`${text}; ${loginHint({ credentials, note })}`, status, hint);
    }
    if (!isTransient(status)) throw new RefusedError(text, status);
    const asks = status === 429 || status === 503;
    const pause = asks ? requestedPause(headers, Date.now()) : undefined;
    throw new TransientError(text, pause === undefined ? {} : { pause });
  }

  const authorizer = createAuthorizer({
    host: url.host,
    credentials,
    note,
    send: ({ url: at, method, headers, content, limit, signal }) =>
      retrier.run(
        at.host,
        async () => {
          const parts = content === undefined ? {} : { content };
          const sent = await exchange.send(at, { method, headers, ...parts, signal, timeout });
          const answer = await judge(sent, at, [401, 403, 404], signal);
          return readWhole(answer, at, { limit, timeout, signal });
        },
        signal,
      ),
  });

  async function attempt(
    request: Omit<RegistryRequest, 'limit'>,
    count: () => Mark,
  ): Promise<Answer> {
    const { url: at, method = 'GET', scope, headers = {}, passing = [404], signal } = request;
    const send = async (authorization: string | undefined): Promise<Answer> => {
      const mark = count();
      const all = authorization === undefined ? headers : { ...headers, authorization };
      const answer = await exchange.send(at, { method, headers: all, signal, timeout });
      gate.answered(mark, answer.headers);
      return answer;
    };
    if (scope === undefined) return judge(await send(undefined), at, passing, signal);
    // Credentials are for this registry, wherever a page may lead.
    if (at.origin !== url.origin) throw new SourceError(`${shown(at.href)} is another registry`);
    const authorization = await authorizer.header(scope, signal);
    let answer = await send(authorization);
    if (answer.status === 401) {
      answer.body.destroy();
      const challenge = answer.headers['www-authenticate'] ?? '';
      answer = await send(await authorizer.renew(scope, challenge, authorization, signal));
    }
    return judge(answer, at, passing, signal);
  }

  function countRequest(): Mark {
    if (requests >= (budget.requests ?? Number.POSITIVE_INFINITY)) {
      throw new BudgetError(`the budget of ${budget.requests} requests is used up`);
    }
    requests++;
    return gate.sent(false);
  }

  function countPull(): Mark {
    if (pulls >= (budget.pulls ?? Number.POSITIVE_INFINITY)) {
      throw new BudgetError(`the budget of ${budget.pulls} pulls is used up`);
    }
    countRequest();
    pulls++;
    return gate.sent(true);
  }

  async function fetchOnce(request: RegistryRequest, count: () => Mark): Promise<WholeAnswer> {
    const { url: at, limit, signal } = request;
    return readWhole(await attempt(request, count), at, { limit, timeout, signal });
  }

  return {
    base: url,
    patience,
    fetch: (request) =>
      retrier.run(request.url.host, () => fetchOnce(request, countRequest), request.signal),
    pull: (request, probe) => {
      const { host } = request.url;
      const pull = (ready: () => Promise<void>): Promise<WholeAnswer> => {
        const once = async (): Promise<WholeAnswer> => {
          await ready();
          return fetchOnce(request, countPull);
        };
        return retrier.run(host, once, request.signal);
      };
      return gate.run(pull, probe, request.signal);
    },
    open: (request) =>
      retrier.run(request.url.host, () => attempt(request, () => gate.sent(false)), request.signal),
    close: () => exchange.close(),
  };
}
