/// How pages look: light and dark, wide and narrow, on screen and on A4 paper.
enum StyleSheet {
  /// The style sheet of a page, as one text that its policy names by hash.
  static func text(_ layout: ExportPage.Layout) -> String {
    layout == .slides ? common + slides : common + report
  }

  private static let common = """
    :root{color-scheme:light dark;--paper:#fff;--panel:#f4f6f8;--ink:#17202a;--soft:#526070;--rule:#ccd4dc;\
    --grid:#e4e9ee;--accent:#005b8e;--blue:#0072b2;--sky:#56b4e9;--green:#009e73;--orange:#e69f00;\
    --vermillion:#d55e00;--purple:#cc79a7;--grey:#c3cad1;--hatch:#7d8894}
    @media (prefers-color-scheme:dark){:root{--paper:#11161c;--panel:#1a212a;--ink:#e6ebf0;--soft:#a3b0bd;\
    --rule:#3a4653;--grid:#27303a;--accent:#7cc4f0;--grey:#566270;--hatch:#9aa6b2}}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,"Segoe UI",Roboto,\
    "Noto Sans","DejaVu Sans",Arial,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:break-word}
    h1,h2{line-height:1.2;text-wrap:balance;margin:0}
    p{margin:.6rem 0}
    a{color:var(--accent)}
    data{white-space:nowrap}
    .subtitle{color:var(--soft);margin:.4rem 0 0}
    .lead{font-size:1.15rem;line-height:1.5;margin:.7rem 0}
    .list{padding-left:1.2rem;margin:.6rem 0}
    .list li{margin:.35rem 0}
    .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.8rem;margin:1.2rem 0}
    .card{background:var(--panel);border-radius:.5rem;padding:.8rem 1rem 1rem}
    .card .label{color:var(--soft);font-size:.9rem;margin:0}
    .card .number{font-size:2rem;line-height:1.2;font-weight:650;margin:.1rem 0}
    .card .detail{color:var(--soft);font-size:.85rem;line-height:1.4;margin:0}
    figure{margin:1.4rem 0}
    figcaption{font-weight:600;margin-bottom:.4rem}
    .legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;padding:0;margin:0 0 .6rem;\
    font-size:.85rem;color:var(--soft)}
    .swatch{width:.8rem;height:.8rem;margin-right:.35rem;vertical-align:-.08rem}
    svg.chart{display:block;width:100%;height:auto;font-size:12px;overflow:hidden}
    svg.narrow{display:none;max-width:27rem}
    svg text{fill:var(--ink)}
    svg .tick{fill:var(--soft)}
    svg .name{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
    svg .value{font-weight:600}
    svg line{stroke:var(--grid);stroke-width:1}
    svg line.axis{stroke:var(--soft)}
    svg line.whisker{stroke:var(--ink);stroke-width:1.4}
    .ink-blue{fill:var(--blue)}
    .ink-sky{fill:var(--sky)}
    .ink-green{fill:var(--green)}
    .ink-orange{fill:var(--orange)}
    .ink-vermillion{fill:var(--vermillion)}
    .ink-purple{fill:var(--purple)}
    .ink-grey{fill:var(--grey)}
    .ink-hatched{fill:url(#hatch)}
    .hatch-ground{fill:var(--paper)}
    .hatch-line{stroke:var(--hatch)}
    svg.patterns{position:absolute;width:0;height:0}
    rect{stroke:var(--paper);stroke-width:.7}
    .scroll{overflow-x:auto}
    table{border-collapse:collapse;width:100%;font-size:.88rem;line-height:1.4}
    th,td{padding:.35rem .7rem .35rem 0;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
    th{color:var(--soft);font-weight:600;vertical-align:bottom;border-bottom-color:var(--soft)}
    th.n,td.n{text-align:right;white-space:nowrap}
    th:last-child,td:last-child{padding-right:0}
    th button{all:unset;cursor:pointer}
    th button:hover{color:var(--ink)}
    th button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
    th[aria-sort=ascending] button::after{content:" ↑"}
    th[aria-sort=descending] button::after{content:" ↓"}
    td bdi{display:inline-block;max-width:17rem;overflow-wrap:anywhere}
    .more{color:var(--soft);font-size:.85rem;margin:.4rem 0 0}
    blockquote{margin:.8rem 0;padding:.1rem 0 .1rem 1rem;border-left:.25rem solid var(--sky);font-size:1.1rem}
    @media screen and (max-width:47rem){svg.wide{display:none}svg.narrow{display:block}table.many{width:max-content;min-width:100%}}
    @media print{:root{color-scheme:light;--paper:#fff;--panel:#f4f6f8;--ink:#17202a;--soft:#526070;\
    --rule:#ccd4dc;--grid:#e4e9ee;--accent:#005b8e;--grey:#c3cad1;--hatch:#7d8894}\
    body{font-size:10pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}\
    figure,.card,tr,blockquote,.list li{break-inside:avoid}h2{break-after:avoid}thead{display:table-header-group}\
    .scroll{overflow:visible}nav{display:none}a{color:inherit;text-decoration:none}}

    """

  private static let report = """
    main{max-width:61rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}
    h1{font-size:2rem}
    h2{font-size:1.35rem;margin-bottom:.4rem}
    header{padding-bottom:1rem}
    nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;padding:0;margin:1rem 0 0;font-size:.9rem}
    section{padding:1.6rem 0 .4rem;border-top:1px solid var(--rule)}
    section:first-of-type{border-top:0;padding-top:0}
    footer{border-top:1px solid var(--rule);margin-top:1.5rem;padding-top:.8rem;color:var(--soft);font-size:.85rem}
    @media (max-width:47rem){main{padding:1.5rem 1rem 3rem}h1{font-size:1.6rem}\
    .cards{grid-template-columns:repeat(auto-fit,minmax(9rem,1fr))}.card .number{font-size:1.6rem}}
    @page{size:A4;margin:16mm 15mm}
    @media print{main{max-width:none;padding:0}h1{font-size:20pt}h2{font-size:13pt}\
    .card .number{font-size:17pt}table{font-size:8pt}.cards{grid-template-columns:repeat(4,1fr);gap:3mm}}

    """

  private static let slides = """
    h1{font-size:1rem;font-weight:600;color:var(--soft)}
    h2{font-size:2.1rem;max-width:34ch}
    header{position:absolute;padding:1.6rem 5vw 0}
    section{min-height:100vh;padding:5.5rem 5vw 2rem;display:flex;flex-direction:column;justify-content:center;\
    border-bottom:1px solid var(--rule);max-width:82rem;margin:0 auto}
    section>*{width:100%}
    .lead{font-size:1.3rem;max-width:60ch}
    .list{font-size:1.1rem}
    svg.chart{max-height:58vh}
    .card .number{font-size:2.6rem}
    .card .detail,.card .label{font-size:1rem}
    .cards{gap:1.2rem}
    table{font-size:1rem}
    .foot{display:flex;gap:1.5rem;justify-content:space-between;color:var(--soft);font-size:.72rem;\
    line-height:1.4;margin-top:auto;padding-top:1.5rem;overflow-wrap:anywhere}
    .foot .page{white-space:nowrap;font-size:.85rem}
    .body{margin:auto 0}
    .notes{min-height:0}
    .notes .lead{max-width:68ch}
    @media (max-width:47rem){section{padding:2.2rem 1.1rem 1.2rem;min-height:0}header{position:static;padding:1.1rem 1.1rem 0}svg.chart{max-height:none}\
    h2{font-size:1.5rem}.lead{font-size:1.1rem}.card .number{font-size:1.9rem}table{font-size:.88rem}}
    @page{size:A4 landscape;margin:12mm 15mm}
    @media print{header{position:static;padding:0}section{min-height:0;height:182mm;padding:0;border:0;\
    break-after:page;max-width:none}section:first-of-type{height:168mm}section:last-of-type{break-after:auto}\
    .notes{height:auto}h2{font-size:26pt}.lead{font-size:15pt}.list,blockquote{font-size:13pt}table{font-size:11pt}\
    .card .number{font-size:30pt}.card .detail,.card .label{font-size:11pt}p{font-size:11pt}svg.chart{max-height:96mm}}

    """
}
