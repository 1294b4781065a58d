/**
 * The one tooltip of the page: a popover in the top layer, placed beside the control it speaks for. Controls give it
 * their text while they are hovered or focused; Escape hides it. It repeats what is in the control's accessible name or
 * description, so it is hidden from assistive technology.
 */
const GAP = 6;
const DELAY_MS = 250;

let element: HTMLElement | undefined;
let owner: Element | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

function tooltipElement(): HTMLElement {
  if (element) return element;
  element = document.createElement("div");
  element.className = "rs-tooltip";
  element.popover = "manual";
  element.setAttribute("aria-hidden", "true");
  document.body.append(element);
  addEventListener("keydown", (event) => event.key === "Escape" && owner && hideTooltip(owner), true);
  addEventListener("scroll", () => owner && hideTooltip(owner), true);
  return element;
}

export function showTooltip(control: Element, text: string): void {
  clearTimeout(timer);
  owner = control;
  timer = setTimeout(() => {
    if (owner !== control || !control.isConnected) return;
    const tip = tooltipElement();
    tip.textContent = text;
    tip.showPopover();
    const at = control.getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const below = at.bottom + GAP + size.height <= innerHeight;
    const left = Math.min(Math.max(4, at.left + at.width / 2 - size.width / 2), innerWidth - size.width - 4);
    tip.style.left = `${left}px`;
    tip.style.top = `${below ? at.bottom + GAP : at.top - GAP - size.height}px`;
  }, DELAY_MS);
}

export function hideTooltip(control: Element): void {
  if (owner !== control) return;
  clearTimeout(timer);
  owner = undefined;
  if (element?.matches(":popover-open")) element.hidePopover();
}
