/** Tells damage from bad luck. */
import { TokenError } from '../../codec/tokens/errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { GroupDamagedError, GroupMissingError } from '../../storage/segments/errors.ts';
import { LayerDamagedError, RecipeError } from '../errors.ts';

/** Whether an error says that a group cannot be had, not that what was in it is wrong. */
export function isGroupError(error: unknown): error is GroupMissingError | GroupDamagedError {
  return error instanceof GroupMissingError || error instanceof GroupDamagedError;
}

/** Whether an error says that what is stored is wrong; others say that it could not be looked at. */
export function isDamage(error: unknown): boolean {
  return error instanceof RecipeError || error instanceof TokenError || isGroupError(error);
}

/** What a restore throws for an error: damage is that of the layer. */
export function asLayerError(error: unknown, digest: Digest, recipe: number): unknown {
  return isDamage(error) ? new LayerDamagedError(digest, recipe, { cause: error }) : error;
}
