/** Puts what keeps files from being had into the words of the protocol. */
import { LayerDamagedError, LayerUnknownError } from '../../dedup/errors.ts';
import { LinkLoopError } from '../../dedup/files/image-view.ts';
import { ImageError, type ImageRefusal } from '../../dedup/files/images.ts';
import { FilesError, type FilesRefusal } from '../../dedup/files/layer-files.ts';
import { type ErrorCode, OciError } from '../../oci/errors.ts';
import { ContentDamagedError } from '../../storage/content.ts';

type Answer = readonly [code: ErrorCode, status?: number];

/** The content cannot be processed (RFC 9110, 15.5.21). */
const UNPROCESSABLE = 422;

const FILES: Readonly<Record<FilesRefusal, Answer>> = {
  'layer-missing': ['BLOB_UNKNOWN'],
  format: ['UNSUPPORTED', UNPROCESSABLE],
  broken: ['UNSUPPORTED', UNPROCESSABLE],
  'too-large': ['UNSUPPORTED', UNPROCESSABLE],
  time: ['UNAVAILABLE'],
  'no-content': ['UNSUPPORTED', UNPROCESSABLE],
  damaged: ['BLOB_UNKNOWN'],
};

const IMAGES: Readonly<Record<ImageRefusal, Answer>> = {
  'manifest-unknown': ['MANIFEST_UNKNOWN'],
  'platform-unknown': ['MANIFEST_UNKNOWN'],
  'layer-unknown': ['BLOB_UNKNOWN'],
  'too-many-layers': ['UNSUPPORTED', UNPROCESSABLE],
};

function answer([code, status]: Answer, error: Error & { readonly reason: string }): OciError {
  const { message, reason } = error;
  const detail = { reason, ...(error instanceof FilesError && { layer: error.digest }) };
  return new OciError(code, { message, detail, cause: error, ...(status && { status }) });
}

/** The answer to an error, or the error itself when it has none. */
export function fileRefusal(error: unknown): unknown {
  if (error instanceof FilesError) return answer(FILES[error.reason], error);
  if (error instanceof ImageError) return answer(IMAGES[error.reason], error);
  if (error instanceof LinkLoopError) {
    const detail = { reason: 'links' };
    const { message } = error;
    return new OciError('UNSUPPORTED', { status: UNPROCESSABLE, message, detail, cause: error });
  }
  if (error instanceof LayerDamagedError || error instanceof LayerUnknownError) {
    return new OciError('BLOB_UNKNOWN', { message: 'a layer cannot be read', cause: error });
  }
  if (error instanceof ContentDamagedError) {
    return new OciError('MANIFEST_UNKNOWN', { cause: error });
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new OciError('UNAVAILABLE', { message: 'it took too long', cause: error });
  }
  return error;
}
