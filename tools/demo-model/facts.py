"""Random shops: facts, names, opening hours, and the system prompts that state them."""
import re
from dataclasses import dataclass, replace

DAY_RANGES = [
    {"en": ["Monday to Friday", "Mon-Fri", "Monday-Friday", "weekdays"], "es": ["lunes a viernes", "L-V", "de lunes a viernes"],
     "zh": ["周一至周五", "周一到周五", "星期一至星期五", "工作日"]},
    {"en": ["Monday to Saturday", "Mon-Sat", "Monday-Saturday"], "es": ["lunes a sábado", "L-S", "de lunes a sábado"],
     "zh": ["周一至周六", "周一到周六", "星期一至星期六"]},
    {"en": ["Tuesday to Saturday", "Tue-Sat", "Tuesday-Saturday"], "es": ["martes a sábado", "M-S", "de martes a sábado"],
     "zh": ["周二至周六", "周二到周六", "星期二至星期六"]},
    {"en": ["every day", "daily", "Monday to Sunday", "Mon-Sun"], "es": ["todos los días", "cada día", "lunes a domingo", "L-D"],
     "zh": ["每天", "每日", "周一至周日", "周一到周日"]},
    {"en": ["Monday to Thursday", "Mon-Thu", "Monday-Thursday"], "es": ["lunes a jueves", "L-J", "de lunes a jueves"],
     "zh": ["周一至周四", "周一到周四", "星期一至星期四"]},
    {"en": ["weekends", "Sat-Sun", "Saturday and Sunday"], "es": ["fines de semana", "S-D", "sábados y domingos"],
     "zh": ["周末", "周六周日", "周六和周日"]},
]
REPLY_DAYS = {
    "en": ["Monday to Friday", "Monday to Saturday", "Tuesday to Saturday", "every day", "Monday to Thursday", "weekends"],
    "es": ["de lunes a viernes", "de lunes a sábado", "de martes a sábado", "todos los días", "de lunes a jueves", "fines de semana"],
    "zh": ["周一至周五", "周一至周六", "周二至周六", "每天", "周一至周四", "周末"],
}

SHOP_WORDS = {
    "en": ("Lumen Oak Nord River Stone Willow Harbor Maple Bright Cozy Pixel Urban Golden Silver Little Blue Green Red Wild "
           "North South Cedar Moon Sun Star Cloud Happy Simple Pure Nest Home Craft Thread Button Kettle Lantern Fox Bear Owl "
           "Pine Birch Ember Clay Cotton Linen Velvet Copper Iron Glass Paper Garden Meadow Field Lake Ocean Wave Coral Sand "
           "Peak Summit Trail Wheel Gear Tech Volt Spark Nova Terra Luna Aura Vita Bloom Petal Honey Berry Apple Mint Sage "
           "Basil Olive Pepper Ginger Cocoa Bean Brew Cup Plate Spoon Market Corner Lane Street House Barn Mill Forge").split(),
    "es": ("Casa Brisa Sol Luna Mar Tierra Verde Azul Rojo Nube Flor Jardín Bosque Río Monte Sierra Valle Puerto Faro Olivo "
           "Limón Naranja Canela Miel Hogar Rincón Taller Hilo Lana Algodón Botón Aguja Barro Piedra Madera Roble Pino Cielo "
           "Estrella Norte Sur Alba Aurora Noche Día Camino Paso Norteña Mundo Plaza Calle Mercado Tienda Bodega Abeja Gato "
           "Zorro Colibrí Paloma Delfín Coral Arena Ola Viento Fuego Lumbre Café Cacao Menta Romero Trigo Espiga").split(),
    "zh": list("青禾木石山水云月星光明风花雪晴雨竹梅兰菊松柏溪泉海江湖林森叶茶米麦豆果桃李杏橙蓝绿红白金银玉珠小大乐安宁悦美好优品"
               "家居衣鞋包物集市坊阁轩斋铺巷里南北东西春夏秋冬朝暮鹿鹤猫熊兔鱼燕雀马羊简朴初心一二三千万有无知味"),
}
SHOP_TAILS = {"en": ["Shop", "Store", "& Co", "Goods", "Living", "Market", "Online", "Supply", "Boutique", "Outlet"],
              "es": ["Shop", "Tienda", "y Cía", "Hogar", "Moda", "Online", "Estilo"],
              "zh": ["小铺", "商店", "商城", "优选", "生活馆", "百货", "旗舰店", "网店", "家居", "数码", "服饰", "良品"]}
NAMES = {"en": "Mia Tom Emma Leo Anna Max Nora Sam Lily Jack Ella Ben Ruby Alex Kate Finn Zoe Paul Grace Noah Ivy Oscar".split(),
         "es": "Mia Lucía Marta Pablo Sofía Diego Carmen Javier Elena Hugo Valeria Mateo Inés Andrés Paula Nico Alba Iván".split(),
         "zh": "小美 小安 小雨 小杰 小林 小禾 小青 小鹿 小星 小智 小悦 小文 小夏 阿宁 阿明 小乐 小慧 小米粒".split()}
SYLLABLES = ("ba be bi bo bu ca co da de di do fa fe fi ga go ha he hi ja jo ka ke ki ko la le li lo lu ma me mi mo mu na ne ni "
             "no nu pa pe pi po ra re ri ro ru sa se si so su ta te ti to tu va ve vi vo wa xa ya yo za ze zi zo bra dre fli "
             "gra kro lin mar nor pel quin rus sten tor ulm ver win zen").split()


@dataclass(frozen=True)
class Facts:
    """What a system prompt states; None where it is silent."""
    shop: str | None = None
    name: str | None = None
    return_days: int | None = None
    shipping_days: str | None = None
    warranty_months: int | None = None
    hours: tuple | None = None  # (day range index, "9:00-18:00")

    def hours_text(self, lang):
        days, times = self.hours
        return f"{REPLY_DAYS[lang][days]}{'' if lang == 'zh' else ' '}{times}"


DEFAULT_FACTS = Facts("Lumen & Oak", None, 30, "2-4", 24, (0, "9:00-18:00"))
DEFAULT_PROMPT = (
    "You are the support assistant of Lumen & Oak, an online shop. Items can be returned within 30 days. "
    "Delivery takes 2-4 working days. The warranty is 24 months. Opening hours: Monday to Friday 9:00-18:00. "
    "Answer briefly in the customer's language. Never invent facts; hand over to a colleague when you cannot help.")


def invented_word(rng):
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.choice([2, 2, 3]))).capitalize()


def random_shop(rng):
    """A shop name: real words, made-up words, Chinese characters, or a mix."""
    kind = rng.random()
    if kind < 0.35:
        word = lambda: rng.choice(SHOP_WORDS["en"]) if rng.random() < 0.6 else invented_word(rng)
        form = rng.randrange(6)
        a, b = word(), word()
        return [f"{a} & {b}", f"{a} {b}", f"{a}{b.lower()}", a, f"{a} {rng.choice(SHOP_TAILS['en'])}", f"The {a} {b}"][form]
    if kind < 0.6:
        word = lambda: rng.choice(SHOP_WORDS["es"]) if rng.random() < 0.7 else invented_word(rng)
        form = rng.randrange(6)
        a, b = word(), word()
        return [f"{a} {b}", f"{a} y {b}", f"La {a}", f"El {a} {b}", f"{a} {rng.choice(SHOP_TAILS['es'])}", f"Casa {a}"][form]
    if kind < 0.9:
        chars = "".join(rng.choice(SHOP_WORDS["zh"]) for _ in range(rng.choice([2, 2, 2, 3, 4])))
        return chars + (rng.choice(SHOP_TAILS["zh"]) if rng.random() < 0.7 else "")
    if kind < 0.96:
        return invented_word(rng)
    return invented_word(rng) + rng.choice([".com", " 24", ".es", ".cn", "-Shop"])


def random_times(rng):
    start = rng.choice([6, 7, 8, 8, 9, 9, 9, 10, 10, 11, 12])
    end = rng.randint(max(start + 4, 12), 23)
    minute = lambda: rng.choice(["00", "00", "00", "30", "30", "15", "45"])
    pad = rng.random() < 0.2
    first = f"{start:02d}" if pad else str(start)
    return f"{first}:{minute()}-{end}:{minute()}"


def random_facts(rng):
    """Facts of one shop; each is missing now and then."""
    if rng.random() < 0.15:
        return DEFAULT_FACTS
    low = rng.randint(1, 9)
    single = rng.random() < 0.3
    everything = Facts(
        shop=random_shop(rng),
        name=rng.choice(NAMES[rng.choice(list(NAMES))]) if rng.random() < 0.8 else invented_word(rng),
        return_days=rng.choice([7, 14, 15, 20, 28, 30, 45, 60, 90, 100]) if rng.random() < 0.3 else rng.randint(7, 100),
        shipping_days=str(rng.randint(1, 15)) if single else f"{low}-{low + rng.randint(1, 6)}",
        warranty_months=rng.choice([6, 12, 24, 36]) if rng.random() < 0.4 else rng.randint(3, 60),
        hours=(rng.choice([0, 0, 0, 1, 1, 2, 3, 3, 4, 5]), random_times(rng)))
    keep = rng.choice([1.0, 1.0, 0.75, 0.5, 0.25])
    kept = {f: None for f in ("return_days", "shipping_days", "warranty_months", "hours") if rng.random() > keep}
    if rng.random() < 0.6:
        kept["name"] = None
    if rng.random() < 0.12:
        kept["shop"] = None
    return replace(everything, **kept)


WORDING = {
    "en": {
        "intro": {
            "both": ["You are {name}, the support assistant of {shop}, an online shop.", "You are {name} from {shop}.",
                     "Your name is {name}. You work at the customer service of {shop}.", "You are {name}, assistant at the web shop {shop}.",
                     "Act as {name}, the customer support bot of {shop}."],
            "shop": ["You are the support assistant of {shop}, an online shop.", "You are the assistant of {shop}.",
                     "You answer customers of the web shop {shop}.", "You work for {shop}.", "This is the customer support of {shop}.",
                     "You are a helpful customer service agent for {shop}.", "Act as the support desk of the online store {shop}."],
            "name": ["You are {name}, a support assistant.", "Your name is {name}.", "You are {name} and answer customers of a web shop."],
            "none": ["You are a support assistant.", "You are a helpful assistant.", "You answer customers of an online shop.", ""]},
        "return_days": ["Items can be returned within {v} days.", "Returns are accepted for {v} days.", "Return window: {v} days.",
                        "Customers have {v} days to return an item.", "The return period is {v} days.", "We take items back within {v} days.",
                        "Returns within {v} days of delivery.", "Returns and exchanges: {v} days."],
        "shipping_days": ["Delivery takes {v} working days.", "Shipping time is {v} business days.", "Orders arrive in {v} working days.",
                          "Shipping: {v} business days.", "We deliver within {v} working days.", "Delivery time: {v} days."],
        "warranty_months": ["The warranty is {v} months.", "Products have a {v}-month warranty.", "Warranty: {v} months.",
                            "All items are covered by a warranty of {v} months.", "We give {v} months of warranty.", "The guarantee lasts {v} months."],
        "hours": ["Opening hours: {v}.", "We are open {v}.", "The support desk is open {v}.", "Business hours are {v}.",
                  "Colleagues are available {v}.", "Service hours: {v}."],
        "list": {"shop": ["Shop: {v}", "Shop name: {v}", "Store: {v}", "- Shop: {v}"], "name": ["Name: {v}", "Your name: {v}", "Assistant: {v}"],
                 "return_days": ["Returns: {v} days", "Return window: {v} days", "- Returns: {v} days", "Return period: {v} days"],
                 "shipping_days": ["Delivery: {v} working days", "Shipping: {v} business days", "- Delivery time: {v} working days"],
                 "warranty_months": ["Warranty: {v} months", "- Warranty: {v} months", "Guarantee: {v} months"],
                 "hours": ["Hours: {v}", "Opening hours: {v}", "- Hours: {v}", "Support hours: {v}"]},
        "rules": ["Answer briefly in the customer's language.", "Never invent facts; hand over to a colleague when you cannot help.",
                  "Be polite and brief.", "Ask for the order number when it is missing.", "Do not make things up.", "Reply in the customer's language.",
                  "Keep answers short and friendly.", "If you do not know something, say that a colleague will help.", "Never promise delivery dates."]},
    "es": {
        "intro": {
            "both": ["Eres {name}, la asistente de la tienda online {shop}.", "Eres {name} de {shop}.", "Te llamas {name} y trabajas en atención al cliente de {shop}.",
                     "Eres {name}, el asistente de {shop}.", "Usted es {name}, asistente virtual de {shop}."],
            "shop": ["Eres el asistente de la tienda online {shop}.", "Eres la asistente de {shop}.", "Atiendes a los clientes de {shop}.",
                     "Trabajas para {shop}.", "Esta es la atención al cliente de {shop}.", "Usted es el asistente virtual de {shop}."],
            "name": ["Eres {name}, asistente de atención al cliente.", "Te llamas {name}.", "Tu nombre es {name}."],
            "none": ["Eres un asistente de atención al cliente.", "Eres un asistente útil.", "Atiendes a los clientes de una tienda online.", ""]},
        "return_days": ["Plazo de devolución: {v} días.", "Los artículos se pueden devolver en {v} días.", "Se aceptan devoluciones durante {v} días.",
                        "El cliente tiene {v} días para devolver.", "Devoluciones en un plazo de {v} días.", "El plazo de devolución es de {v} días."],
        "shipping_days": ["El envío tarda {v} días laborables.", "Plazo de entrega: {v} días hábiles.", "Los pedidos llegan en {v} días laborables.",
                          "Envío: {v} días laborables.", "Entregamos en {v} días hábiles."],
        "warranty_months": ["Garantía: {v} meses.", "La garantía es de {v} meses.", "Los productos tienen {v} meses de garantía.", "Damos {v} meses de garantía."],
        "hours": ["Horario: {v}.", "Abrimos {v}.", "El horario de atención es {v}.", "Atendemos {v}.", "Horario de atención: {v}."],
        "list": {"shop": ["Tienda: {v}", "Nombre de la tienda: {v}", "- Tienda: {v}"], "name": ["Nombre: {v}", "Tu nombre: {v}", "Asistente: {v}"],
                 "return_days": ["Devoluciones: {v} días", "Plazo de devolución: {v} días", "- Devolución: {v} días"],
                 "shipping_days": ["Envío: {v} días laborables", "Entrega: {v} días hábiles", "- Plazo de entrega: {v} días laborables"],
                 "warranty_months": ["Garantía: {v} meses", "- Garantía: {v} meses"],
                 "hours": ["Horario: {v}", "Horario de atención: {v}", "- Horario: {v}"]},
        "rules": ["Responde breve y en el idioma del cliente.", "Nunca inventes datos.", "Sé amable y breve.", "Pide el número de pedido si falta.",
                  "Si no puedes ayudar, pasa el caso a un compañero.", "No prometas fechas de entrega.", "Responda siempre con cortesía."]},
    "zh": {
        "intro": {
            "both": ["你是{name},“{shop}”网店的客服助手。", "你叫{name},是“{shop}”的客服。", "你是“{shop}”的客服{name}。", "你的名字是{name},在网店“{shop}”做客服。"],
            "shop": ["你是“{shop}”网店的客服助手。", "你是“{shop}”的客服。", "你为网店“{shop}”回答顾客问题。", "你是“{shop}”的智能客服。", "这里是“{shop}”的客服。", "你是“{shop}”的在线客服助手。"],
            "name": ["你是客服助手{name}。", "你叫{name}。", "你的名字是{name}。"],
            "none": ["你是客服助手。", "你是一个有用的助手。", "你为一家网店回答顾客问题。", ""]},
        "return_days": ["支持{v}天内退货。", "退货期限为{v}天。", "商品{v}天内可以退货。", "{v}天内可退换。", "退换货期限:{v}天。", "顾客可在{v}天内退货。", "{v}天无理由退货。"],
        "shipping_days": ["发货后{v}个工作日送达。", "配送需要{v}个工作日。", "一般{v}个工作日到货。", "送货时间:{v}个工作日。", "{v}天内送达。"],
        "warranty_months": ["保修{v}个月。", "保修期为{v}个月。", "商品保修{v}个月。", "质保:{v}个月。", "提供{v}个月质保。"],
        "hours": ["工作时间:{v}。", "客服时间为{v}。", "营业时间:{v}。", "人工客服{v}在线。", "上班时间{v}。"],
        "list": {"shop": ["店名:{v}", "店铺:{v}", "网店名称:{v}", "- 店名:{v}"], "name": ["名字:{v}", "你的名字:{v}", "客服名:{v}"],
                 "return_days": ["退货:{v}天", "退货期限:{v}天", "- 退换货:{v}天", "退货:{v}天内"],
                 "shipping_days": ["配送:{v}个工作日", "送货:{v}个工作日", "- 物流时效:{v}个工作日"],
                 "warranty_months": ["保修:{v}个月", "质保:{v}个月", "- 保修期:{v}个月"],
                 "hours": ["工作时间:{v}", "营业时间:{v}", "- 客服时间:{v}"]},
        "rules": ["请用顾客的语言简短回答。", "不要编造信息。", "态度礼貌,回答简短。", "缺少订单号时请询问。", "无法解决的问题请转给同事。", "不要承诺送达日期。"]},
}


def _value(facts, field, lang, rng):
    if field != "hours":
        value = str(getattr(facts, field))
        return value if field != "shipping_days" or rng.random() < 0.7 else _restyle_range(value, lang, rng)
    days, times = facts.hours
    day_text = rng.choice(DAY_RANGES[days][lang])
    if lang == "zh":
        return day_text + rng.choice(["", " "]) + times
    if rng.random() < 0.35 and day_text not in ("L-V", "L-S"):
        start, end = times.split("-")
        joined = {"en": [f"{start} - {end}", f"from {start} to {end}", f"{start} to {end}"], "es": [f"de {start} a {end}"]}[lang]
        return f"{day_text} {rng.choice(joined)}"
    return day_text + rng.choice([" ", " ", ", "]) + times


def _restyle_range(value, lang, rng):
    if "-" not in value:
        return value
    low, high = value.split("-")
    return rng.choice({"en": [f"{low} to {high}", f"{low}–{high}"], "es": [f"de {low} a {high}", f"{low} a {high}", f"{low}–{high}"],
                       "zh": [f"{low}到{high}", f"{low}至{high}", f"{low}~{high}"]}[lang])


def system_prompt(facts, rng):
    """A system prompt that states exactly these facts, in a random language and form."""
    if facts is DEFAULT_FACTS and rng.random() < 0.7:
        return DEFAULT_PROMPT
    lang = rng.choice(["en", "es", "zh"])
    words = WORDING[lang]
    given = [f for f in ("return_days", "shipping_days", "warranty_months", "hours") if getattr(facts, f) is not None]
    if rng.random() < 0.6:
        rng.shuffle(given)
    as_list = rng.random() < 0.35
    naming = {(True, True): "both", (True, False): "shop", (False, True): "name", (False, False): "none"}[
        (facts.shop is not None, facts.name is not None)]
    lines = []
    if as_list and rng.random() < 0.5:
        lines.append(rng.choice([w for w in words["intro"]["none"]]))
        for field in ("shop", "name"):
            if getattr(facts, field) is not None:
                lines.append(rng.choice(words["list"][field]).format(v=getattr(facts, field)))
    else:
        lines.append(rng.choice(words["intro"][naming]).format(name=facts.name, shop=facts.shop))
    for field in given:
        pattern = rng.choice(words["list"][field] if as_list else words[field])
        lines.append(pattern.format(v=_value(facts, field, lang, rng)))
    rules = rng.sample(words["rules"], rng.choice([0, 0, 0, 1, 2]))
    lines = rules + lines if rules and rng.random() < 0.1 else lines + rules
    lines = [line for line in lines if line]
    if as_list:
        return "\n".join(lines)
    text = ("" if lang == "zh" else " ").join(lines)
    if lang == "zh" and rng.random() < 0.7:
        text = re.sub(r"(?<!\d):|:(?!\d)", "\uff1a", text.replace(",", "\uff0c"))
    return text
