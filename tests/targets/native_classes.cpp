// Objects of classes with virtual functions, held by each other: types are told by their vtables.
#include <memory>
#include <vector>

namespace shapes {
struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
    std::unique_ptr<Shape> inner;
};
struct Square : Shape {
    double side = 1;
    double area() const override { return side * side; }
};
struct Circle : Shape {
    double radius = 1;
    double area() const override { return 3 * radius * radius; }
};
} // namespace shapes

static std::vector<shapes::Shape *> *kept;

int main()
{
    kept = new std::vector<shapes::Shape *>;
    for (int i = 0; i < 10; i++) {
        kept->push_back(new shapes::Square);
        kept->back()->inner = std::make_unique<shapes::Circle>();
    }
    double sum = 0;
    for (const shapes::Shape *shape : *kept) {
        sum += shape->area();
    }
    return sum > 0 ? 0 : 1;
}
