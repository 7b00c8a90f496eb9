/** Errors, as people read them. */
import { NetworkError, ProblemError, SessionChangedError } from "@sevenleague/client";
import { byId, h } from "./dom.js";

/** A sentence about an error, with what support needs. */
function sentence(error: unknown): string {
  if (error instanceof NetworkError) return "The service could not be reached. Are you online?";
  if (error instanceof ProblemError) return `${error.detail} (Request ${error.requestId})`;
  return "The page has a fault.";
}

/** Whether it is no news: the page was left, or has already asked whoever was there to sign in. */
function isKnown(error: unknown): boolean {
  if (error instanceof ProblemError) return error.status === 401 && error.code !== "credentials_wrong";
  return error instanceof SessionChangedError || (error instanceof DOMException && error.name === "AbortError");
}

/** Shows an error, which screen readers speak at once, and offers to try again. */
export function show(error: unknown, again?: () => unknown): void {
  if (isKnown(error)) return;
  if (!(error instanceof NetworkError || error instanceof ProblemError)) console.error(error);
  const retry = () => {
    clear();
    again?.();
  };
  const button = again ? [h("button", { type: "button", class: "quiet", click: retry }, "Try again")] : [];
  byId("alert").replaceChildren(h("div", {}, h("span", {}, sentence(error)), ...button));
}

/** Takes away what was shown. */
export function clear(): void {
  byId("alert").replaceChildren();
}
