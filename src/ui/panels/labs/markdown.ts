/** A lab's Markdown as elements. Nothing of it becomes markup: HTML in it is shown as the text that it is, images are not loaded. */
import { html, nothing, type TemplateResult } from "lit";
import { marked, type Token, type Tokens } from "marked";

/** Draws a code block; `language` is what stands after the fence. */
export type DrawCode = (text: string, language: string) => unknown;

export function drawMarkdown(text: string, drawCode: DrawCode): unknown {
  return blocks(marked.lexer(text), drawCode);
}

function blocks(tokens: readonly Token[], drawCode: DrawCode): unknown[] {
  return tokens.map((token) => block(token, drawCode));
}

function block(token: Token, drawCode: DrawCode): unknown {
  switch (token.type) {
    case "paragraph":
      return html`<p>${spans(token)}</p>`;
    case "heading":
      return html`<h4>${spans(token)}</h4>`;
    case "code": {
      const { text, lang } = token as Tokens.Code;
      return drawCode(text, lang ?? "");
    }
    case "list": {
      const { ordered, items } = token as Tokens.List;
      const drawn = items.map((item) => html`<li>${blocks(item.tokens, drawCode)}</li>`);
      return ordered
        ? html`<ol>
            ${drawn}
          </ol>`
        : html`<ul>
            ${drawn}
          </ul>`;
    }
    case "blockquote":
      return html`<blockquote>${blocks((token as Tokens.Blockquote).tokens, drawCode)}</blockquote>`;
    case "table":
      return table(token as Tokens.Table);
    case "hr":
      return html`<hr />`;
    case "text":
      return "tokens" in token && token.tokens ? spans(token) : (token as Tokens.Text).text;
    case "space":
      return nothing;
    default:
      return html`<p>${token.raw}</p>`;
  }
}

function table({ header, rows }: Tokens.Table): TemplateResult {
  return html`<table>
    <thead>
      <tr>
        ${header.map((cell) => html`<th scope="col">${spans(cell)}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${row.map((cell) => html`<td>${spans(cell)}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function spans(token: Token | Tokens.TableCell): unknown {
  const inner = ("tokens" in token ? token.tokens : undefined) ?? [];
  return inner.map(span);
}

function span(token: Token): unknown {
  switch (token.type) {
    case "strong":
      return html`<strong>${spans(token)}</strong>`;
    case "em":
      return html`<em>${spans(token)}</em>`;
    case "codespan":
      return html`<code>${(token as Tokens.Codespan).text}</code>`;
    case "br":
      return html`<br />`;
    case "link":
      return link(token as Tokens.Link);
    case "text":
      return "tokens" in token && token.tokens ? spans(token) : joinLines((token as Tokens.Text).text);
    case "escape":
      return (token as Tokens.Escape).text;
    default:
      // HTML and images: as they were written.
      return token.raw;
  }
}

/** A line break between two Chinese characters is no space. */
function joinLines(text: string): string {
  return text.replace(/(?<=[\u3000-\u9FFF\uFF00-\uFFEF])\n(?=[\u3000-\u9FFF\uFF00-\uFFEF])/g, "");
}

/** Only addresses inside this page lead anywhere. */
function link(token: Tokens.Link): unknown {
  return token.href.startsWith("#/")
    ? html`<a href=${token.href}>${spans(token)}</a>`
    : html`${spans(token)} (<code>${token.href}</code>)`;
}
