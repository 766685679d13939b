/** What goes wrong with the scan of a layer; what is wrong with the layer itself becomes a remark. */

/** A layer could not be scanned to its end; another try may do. */
export class ScanError extends Error {
  override readonly name = 'ScanError';
}
