/** The SHA-256 in hexadecimal; empty on pages that are no secure context, where it cannot be computed. */
export async function digest(bytes: BufferSource): Promise<string> {
  if (!("subtle" in crypto)) {
    return "";
  }
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
