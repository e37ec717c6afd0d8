/// Sorting of tables, for readers whose browser runs scripts; without it tables are as printed.
enum SortScript {
  static let text = """
    "use strict";
    for (const table of document.querySelectorAll("table")) {
      const heads = [...table.tHead.rows[0].cells];
      heads.forEach((head, place) => {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...head.childNodes);
        head.append(button);
        button.addEventListener("click", () => {
          const isNumber = head.classList.contains("n");
          const turn = (head.getAttribute("aria-sort") || (isNumber ? "ascending" : "descending")) === "ascending"
            ? "descending" : "ascending";
          for (const other of heads) other.removeAttribute("aria-sort");
          head.setAttribute("aria-sort", turn);
          const sign = turn === "ascending" ? 1 : -1;
          const body = table.tBodies[0];
          const value = row => {
            const cell = row.cells[place];
            return isNumber ? parseFloat(cell.dataset.value) : cell.textContent;
          };
          const rows = [...body.rows].sort((first, second) => {
            const [left, right] = [value(first), value(second)];
            if (!isNumber) return sign * left.localeCompare(right);
            if (Number.isNaN(left) || Number.isNaN(right)) return Number.isNaN(left) - Number.isNaN(right);
            return sign * (left - right);
          });
          body.append(...rows);
        });
      });
    }

    """
}
